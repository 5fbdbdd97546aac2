import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import { validatorSource } from "../encode/plan-document.js";
import { SyncError } from "../errors.js";
import type { MirrorSource, TrackedSource } from "../source/mirror-source.js";
import { display } from "../source/mirror-refusal.js";

/**
 * Refuses a table that cannot be mirrored as it stands, before a row moves.
 * @throws SyncError NOT_TRACKED, TRACKING_BROKEN, TABLE_NOT_DEPLOYED, SCHEMA_LAGS
 */
export function checkMirror(
  source: MirrorSource,
  handshake: MirrorHandshake,
): asserts source is TrackedSource {
  const table = source.name;
  if (source.tracking === null) {
    throw new SyncError({
      code: "NOT_TRACKED",
      message: `Changes of ${display(source.base)} are not being tracked: it never was, or it was dropped and created again.`,
      remedy: "Run `datahub-sync migrate`, as the table's owner.",
      table,
    });
  }
  if (source.tracking.problem !== null) {
    throw new SyncError({
      code: "TRACKING_BROKEN",
      message: `Changes of ${display(source.base)} may have gone unnoticed: ${source.tracking.problem}.`,
      remedy:
        "Run `datahub-sync migrate`, as the table's owner; the table's next run then compares everything.",
      table,
    });
  }
  if (!handshake.deployed) {
    throw new SyncError({
      code: "TABLE_NOT_DEPLOYED",
      message: `The deployment does not mirror a table named ${table}.`,
      remedy:
        "Add it to the tables of `defineDatahubSync` and to the schema in `convex/`, and run `npx convex deploy`.",
      table,
    });
  }
  const lacking = source.columns.filter((column) => !(handshake.fields?.includes(column.field) ?? true));
  if (lacking.length > 0) {
    const fields = lacking
      .map((column) => `${column.field}: mirrored(${validatorSource(column)})`)
      .join(", ");
    throw new SyncError({
      code: "SCHEMA_LAGS",
      message: `The deployed schema of ${table} lacks ${lacking.map((column) => column.field).join(", ")}.`,
      remedy: `Add { ${fields} } to the table in \`convex/\` and run \`npx convex deploy\`; or exclude the columns in datahub-sync.config.json.`,
      table,
    });
  }
}
