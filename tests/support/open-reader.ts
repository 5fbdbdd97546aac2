import type { MirrorConfig } from "../../src/model/config.js";
import { toConvexName } from "../../src/model/names.js";
import type { Database } from "../../src/postgres/database.js";
import { inspectOne } from "./inspect-one.js";
import type { MirrorSource } from "../../src/model/mirror-source.js";
import { parseSnapshot, type Snapshot } from "../../src/model/snapshot.js";
import { ChangeLog, type ChangeCursor, type ChangePage } from "../../src/source/change-log.js";
import { TableReader } from "../../src/source/table-reader.js";
import type { Statements } from "./tracked-table.js";

export function mirrorConfig(relation: string, config: Partial<MirrorConfig> = {}): MirrorConfig {
  return {
    relation: { schema: "public", name: relation },
    base: null,
    name: relation,
    key: null,
    ignore: [],
    updatedAt: "as-written",
    exclude: [],
    columns: {},
    ...config,
  };
}

export function inspect(database: Database, config: MirrorConfig): Promise<MirrorSource> {
  const rules = { encoderVersion: 1, fieldName: toConvexName };
  return database.execute("inspecting", (sql) => inspectOne(sql, config, rules));
}

export async function openReader(
  database: Database,
  relation: string,
  config: Partial<MirrorConfig> = {},
): Promise<TableReader> {
  return new TableReader(database, await inspect(database, mirrorConfig(relation, config)));
}

export async function snapshotOf(sql: Statements): Promise<Snapshot> {
  const [row] = await sql<{ snapshot: string }[]>`SELECT pg_current_snapshot()::text AS snapshot`;
  return parseSnapshot(row!.snapshot);
}

export async function openLog(database: Database, relation: string): Promise<ChangeLog> {
  const { name, tracking } = await inspect(database, mirrorConfig(relation));
  return new ChangeLog(database, { name, trackedId: tracking!.id });
}

/** The keys of all pages, each once a page. */
export async function allChanges(
  log: ChangeLog,
  range: { since: Snapshot; until: Snapshot },
  limit = 1000,
): Promise<string[]> {
  const keys: string[] = [];
  let cursor: ChangeCursor | null = null;
  do {
    const page: ChangePage = await log.page(range, cursor, limit);
    keys.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== null);
  return keys;
}
