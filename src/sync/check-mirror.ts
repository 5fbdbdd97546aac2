import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import type { ColumnShape } from "../model/encoding.js";
import { SyncError } from "../model/errors.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { display } from "../catalog/mirror-refusal.js";
import type { Sight } from "../model/sight.js";
import { wasTracked } from "../catalog/tracking.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import { howToAdd } from "./how-to-add.js";
import type { RunContext } from "./run-context.js";

/**
 * Refuses a table that was never tracked for this deployment: `migrate` says first what tracking means for its owner. One
 * that was dropped and created again before its first run is known by its name alone.
 * @throws SyncError NOT_TRACKED
 */
export async function requireTracked(
  { database, target }: Pick<RunContext, "database" | "target">,
  source: MirrorSource,
  record: MirrorRecord | null,
): Promise<void> {
  if (source.tracking !== null || source.untrackable !== null || record !== null) return;
  if (await database.execute("reading the tracking", (sql) => wasTracked(sql, source.base, target))) return;
  throw new SyncError({
    code: "NOT_TRACKED",
    message: `Changes of ${display(source.base)} are not being tracked.`,
    remedy: "Run `datahub-sync migrate`, as the table's owner.",
    table: source.name,
  });
}

/**
 * The columns that the deployed table has no fields for, which wait for a deploy while the others are mirrored.
 * @throws SyncError TABLE_NOT_DEPLOYED; SCHEMA_LAGS where a column was mirrored before, or where nothing was yet: a first
 *   load that lacks a field would be written once more when that is there
 */
export function findWaiting(
  source: MirrorSource,
  handshake: MirrorHandshake,
  record: MirrorRecord | null,
): ColumnShape[] {
  if (!handshake.deployed) {
    throw new SyncError({
      code: "TABLE_NOT_DEPLOYED",
      message: `The deployment does not mirror a table named ${source.name}.`,
      remedy:
        "Add it to the tables of `defineDatahubSync` and to the schema in `convex/`, and run `npx convex deploy`.",
      table: source.name,
    });
  }
  const lacking = source.columns.filter(({ field }) => !(handshake.fields?.includes(field) ?? true));
  const seen = (record?.watermark?.seen ?? record?.openRun?.seen) as Partial<Sight> | undefined;
  if (lacking.length === 0 || (seen?.columns && !lacking.some(({ name }) => seen.columns!.includes(name)))) {
    return lacking;
  }
  throw new SyncError({
    code: "SCHEMA_LAGS",
    message: `The deployed schema of ${source.name} lacks ${lacking.map(({ field }) => field).join(", ")}.`,
    remedy: howToAdd(lacking),
    table: source.name,
  });
}
