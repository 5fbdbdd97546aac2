import { isDefaultTable } from "../config/default-mirrors.js";
import type { MirrorConfig, UpdatedAt } from "../model/config.js";
import { SyncError } from "../model/errors.js";
import type { Sql } from "../postgres/database.js";
import { columnsShown } from "../catalog/columns-shown.js";
import { display } from "../catalog/mirror-refusal.js";
import type { ResolvedMirror } from "../catalog/resolved-mirror.js";
import type { TrackingClaim } from "../catalog/track-call.js";
import { readOtherClaims } from "../catalog/tracking.js";
import { isUpdatedAt } from "../catalog/updated-at.js";

/**
 * What a deployment needs of a base table's triggers: what all its mirrors over the table show. A column that a view
 * shows under another name, or reads in its condition, counts.
 * @param siblings the configured mirrors over the table, this one among them
 * @throws SyncError UPDATED_AT_DISPUTED, KEY_DISPUTED, CONFIG_INVALID
 */
export async function claimTable(
  sql: Sql,
  mirror: ResolvedMirror,
  siblings: readonly ResolvedMirror[],
  target: string,
): Promise<TrackingClaim> {
  const { shown, ...claim } = await claimColumns(sql, mirror, siblings, target);
  return { ...claim, updatedAt: await agreeOnUpdatedAt(sql, mirror, shown, target) };
}

type ColumnsClaim = Omit<TrackingClaim, "updatedAt"> & { shown: Map<MirrorConfig, string[]> };

/**
 * The same without what `updated_at` means, which a run that mends the tracking leaves as it is.
 * @throws SyncError KEY_DISPUTED
 */
export async function claimColumns(
  sql: Sql,
  { base, keyColumns }: ResolvedMirror,
  siblings: readonly ResolvedMirror[],
  target: string,
): Promise<ColumnsClaim> {
  const shown = new Map<MirrorConfig, string[]>();
  for (const sibling of siblings) {
    if (sibling.keyColumns.join() !== keyColumns.join())
      throw disputedKey(display(base), sibling.config.name, sibling.keyColumns, keyColumns);
    shown.set(sibling.config, columnsShown(sibling));
  }
  for (const other of await readOtherClaims(sql, base.oid, target)) {
    // What is no key any more, nobody can go on with.
    if (other.isKey && other.keyColumns.join() !== keyColumns.join())
      throw disputedKey(display(base), siblings[0]!.config.name, keyColumns, other.keyColumns);
  }
  const ignored = siblings
    .map(({ config }) => config.ignore)
    .reduce((all, some) => all.filter((name) => some.includes(name)));
  return { target, keyColumns, compared: [...new Set([...shown.values()].flat())], ignored, shown };
}

async function agreeOnUpdatedAt(
  sql: Sql,
  { base, keyColumns }: ResolvedMirror,
  shown: Map<MirrorConfig, string[]>,
  target: string,
): Promise<TrackingClaim["updatedAt"]> {
  const [{ name: mirror }] = [...shown.keys()] as [MirrorConfig];
  const wanted = new Map<UpdatedAt, MirrorConfig>();
  for (const [config, columns] of shown) {
    const follows = base.columns.some(isUpdatedAt) && !keyColumns.includes("updated_at");
    if (follows && columns.includes("updated_at")) wanted.set(config.updatedAt, config);
    else if (config.updatedAt === "content" && !isDefaultTable(config.relation))
      throw noUpdatedAt(config, display(base));
  }
  if (wanted.size > 1) {
    const names = [...wanted].map(([mode, { name }]) => `${name} says ${mode}`).join(", ");
    throw disputed(display(base), mirror, `the configuration disagrees with itself (${names})`);
  }
  const updatedAt = [...wanted.keys()][0] ?? "none";
  for (const other of await readOtherClaims(sql, base.oid, target)) {
    if (updatedAt !== "none" && other.updatedAt !== "none" && other.updatedAt !== updatedAt)
      throw disputed(
        display(base),
        mirror,
        `the deployment ${other.target} has it ${other.updatedAt}, this one ${updatedAt}`,
      );
  }
  return updatedAt;
}

/** The mirrors over the same base table as this one, and this one as it is given. */
export function siblingsOf(mirror: ResolvedMirror, all: readonly ResolvedMirror[]): ResolvedMirror[] {
  const others = all.filter(
    ({ base, config }) => base.oid === mirror.base.oid && config.name !== mirror.config.name,
  );
  const place = all.findIndex(({ config }) => config.name === mirror.config.name);
  const before = others.filter((other) => all.indexOf(other) < place);
  return [...before, mirror, ...others.filter((other) => !before.includes(other))];
}

function disputedKey(
  base: string,
  table: string,
  key: readonly string[],
  other: readonly string[],
): SyncError {
  return new SyncError({
    code: "KEY_DISPUTED",
    message: `${base} is tracked by the key ${other.join(", ")} for another mirror, and cannot be tracked by ${key.join(", ")} as well.`,
    remedy: 'Give "key" the same value wherever the table is mirrored.',
    table,
  });
}

function disputed(base: string, table: string, how: string): SyncError {
  return new SyncError({
    code: "UPDATED_AT_DISPUTED",
    message: `What updated_at of ${base} means is disputed: ${how}. A table has one meaning for all.`,
    remedy:
      'Give "updatedAt" the same value wherever the table is mirrored, or leave the column out of one of the mirrors. ' +
      "Of a deployment that is gone: `CONVEX_URL=… datahub-sync untrack --table …`, with its URL.",
    table,
  });
}

function noUpdatedAt({ name: mirror }: MirrorConfig, base: string): SyncError {
  return new SyncError({
    code: "CONFIG_INVALID",
    message: `"updatedAt" of ${mirror} is content, but the mirror shows no timestamp updated_at of ${base}.`,
    remedy:
      'Take "updatedAt" out of the configuration file. It is for a column of this name and of the type timestamp or timestamptz.',
    table: mirror,
  });
}
