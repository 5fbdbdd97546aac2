import type { MirrorConfig } from "../model/config.js";
import { toConvexName } from "../model/names.js";
import { ENCODER_VERSION } from "../encode/type-table.js";
import { SyncError } from "../model/errors.js";
import type { Database, Sql } from "../postgres/database.js";
import { inspectMirror } from "../catalog/inspect-mirror.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { readCatalog, type CatalogEntry, type CatalogMemo } from "../catalog/read-catalog.js";
import { resolveMirror } from "../catalog/resolve-mirror.js";
import type { ResolvedMirror } from "../catalog/resolved-mirror.js";
import { concernsOneMirror } from "./ends-run.js";

/** What the catalog says of these mirrors as runs read them, or why one cannot be mirrored; in one statement. */
export function lookAtMirrors(
  database: Database,
  configs: readonly MirrorConfig[],
): Promise<(MirrorSource | SyncError)[]> {
  const rules = { encoderVersion: ENCODER_VERSION, fieldName: toConvexName };
  return lookAtCatalog(database, configs, (config, entry) =>
    inspectMirror(resolveMirror(config, entry), rules),
  );
}

/** @throws SyncError when the mirror cannot be mirrored */
export async function lookAtMirror(database: Database, config: MirrorConfig): Promise<MirrorSource> {
  return orThrow((await lookAtMirrors(database, [config]))[0]!);
}

/** What the catalog says of these mirrors, and no more than that, or why one cannot be mirrored. */
export function resolveEach(
  database: Database,
  configs: readonly MirrorConfig[],
): Promise<(ResolvedMirror | SyncError)[]> {
  return lookAtCatalog(database, configs, resolveMirror);
}

/** The same; those that cannot be mirrored are left out. */
export async function resolveMirrors(
  database: Database,
  configs: readonly MirrorConfig[],
): Promise<ResolvedMirror[]> {
  return (await resolveEach(database, configs)).filter(isResolved);
}

export function isResolved(found: ResolvedMirror | SyncError): found is ResolvedMirror {
  return !(found instanceof SyncError);
}

/** The same inside other work of a connection, for one that has to be there. */
export async function resolveOne(sql: Sql, config: MirrorConfig): Promise<ResolvedMirror> {
  const [entry] = await readCatalog(sql, [config]);
  return resolveMirror(config, entry!);
}

export function orThrow<T>(found: T | SyncError): T {
  if (found instanceof SyncError) throw found;
  return found;
}

/** Of each connection's source, for as long as the command goes on. */
const memos = new WeakMap<Database, CatalogMemo>();

/** The schema `datahub_sync` is not there, and nobody is going to make it. */
export function noteUnmigrated(database: Database): void {
  memos.set(database, { hasViews: true, isUnmigrated: true });
}

function memoOf(database: Database): CatalogMemo {
  const memo = memos.get(database) ?? { hasViews: false };
  memos.set(database, memo);
  return memo;
}

/**
 * Asks for all at once. Where that fails for a reason that may be one mirror's own (a function of a view's that is gone,
 * a name that the database's encoding has no letters for), each is asked for by itself.
 */
export async function lookAtCatalog<T>(
  database: Database,
  configs: readonly MirrorConfig[],
  resolve: (config: MirrorConfig, entry: CatalogEntry) => T,
): Promise<(T | SyncError)[]> {
  let entries: CatalogEntry[];
  try {
    entries = await database.execute("reading the catalog", (sql) =>
      readCatalog(sql, configs, memoOf(database)),
    );
  } catch (error) {
    if (!concernsOneMirror(error)) throw error;
    if (configs.length === 1) return [error];
    const found: (T | SyncError)[] = [];
    for (const config of configs) found.push(...(await lookAtCatalog(database, [config], resolve)));
    return found;
  }
  return configs.map((config, place) => {
    try {
      return resolve(config, entries[place]!);
    } catch (error) {
      if (error instanceof SyncError) return error;
      throw error;
    }
  });
}
