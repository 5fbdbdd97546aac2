import type { Sql } from "postgres";
import { ratio, size } from "./findings.js";
import type { ResultTable } from "./results.js";

/** A table that writers write to. */
export interface Subject {
  name: string;
  /** SQL that makes an empty table of this name. */
  create(table: string): string;
  /** SQL of the rows to be written. */
  rows: string;
  key: string;
  /** SET of an UPDATE that changes content, of one that sets what is there, and of one that moves the timestamps alone. */
  changed: string;
  equal: string;
  timestamps: string;
  updatedAt: "content" | "as-written";
}

const ROWS = 10_000;
const SINGLE = 1_000;

const NARROW: Subject = {
  name: "narrow",
  create: (table) =>
    `CREATE TABLE ${table} (id int PRIMARY KEY, name text, quantity int, updated_at timestamptz DEFAULT now())`,
  rows: `SELECT i AS id, 'name ' || i AS name, i AS quantity, now() AS updated_at FROM generate_series(1, ${ROWS}) AS i`,
  key: "id",
  changed: "quantity = quantity + 1, updated_at = clock_timestamp()",
  equal: "name = name || '', quantity = quantity",
  timestamps: "updated_at = clock_timestamp()",
  updatedAt: "as-written",
};

/** 24 columns and about 6 KB of jsonb, as the demo's widest table has them. */
const WIDE: Subject = {
  name: "wide",
  create: (table) => `CREATE TABLE ${table} (LIKE onemap_installations INCLUDING ALL)`,
  rows: `SELECT * FROM onemap_installations ORDER BY id LIMIT ${ROWS}`,
  key: "id",
  changed: "status = status || '.', updated_at = now(), sync_timestamp = now()",
  equal:
    "status = status || '', raw_data = raw_data::text::jsonb, updated_at = now(), sync_timestamp = now()",
  timestamps: "updated_at = now(), sync_timestamp = now()",
  updatedAt: "content",
};

export const SUBJECTS = [NARROW, WIDE];

/** What stands between a table and its writers: nothing, our tracking, or a row trigger that does nothing. */
type Copy = "untracked" | "tracked" | "empty trigger";

interface Cost {
  durationMs: number;
  walBytes: number;
}

interface Writing {
  what: string;
  /** One transaction. Single statements stand in a loop within it: without a network's turns, what they cost shows most. */
  statement: (table: string) => string;
}

/** In the order in which a round carries them out, from an empty table to an empty table. */
function writings(subject: Subject, columns: readonly string[], file: string): Writing[] {
  const { key, changed, equal, timestamps } = subject;
  const set = columns.filter((name) => name !== key).map((name) => `"${name}" = excluded."${name}"`);
  const list = columns.map((name) => `"${name}"`).join(", ");
  const upsert = (table: string, rows: string) =>
    `INSERT INTO ${table} (${list}) SELECT ${rows} ON CONFLICT (${key}) DO UPDATE SET ${set.join(", ")}`;
  const each = (statement: string) =>
    `DO $do$ DECLARE r kept; BEGIN FOR r IN SELECT * FROM kept ORDER BY ${key} LIMIT ${SINGLE} LOOP ${statement}; END LOOP; END $do$`;
  const writing = (what: string, statement: Writing["statement"]) => ({ what, statement });
  return [
    writing("INSERT, one by one", (table) => each(`INSERT INTO ${table} SELECT r.*`)),
    writing(
      "INSERT … SELECT",
      (table) => `INSERT INTO ${table} SELECT * FROM kept ORDER BY ${key} OFFSET ${SINGLE}`,
    ),
    writing("equal upsert, one by one", (table) => each(upsert(table, "r.*"))),
    writing("equal upsert, all at once", (table) => upsert(table, "* FROM kept")),
    ...Object.entries({ changed, equal, "timestamps alone": timestamps }).flatMap(([how, values]) => [
      writing(`UPDATE, one by one, ${how}`, (table) =>
        each(`UPDATE ${table} SET ${values} WHERE ${key} = r.${key}`),
      ),
      writing(`UPDATE of all, ${how}`, (table) => `UPDATE ${table} SET ${values}`),
    ]),
    writing("DELETE, one by one", (table) => each(`DELETE FROM ${table} WHERE ${key} = r.${key}`)),
    writing("DELETE of all", (table) => `DELETE FROM ${table}`),
    writing("COPY", (table) => `COPY ${table} (${list}) FROM '${file}'`),
  ];
}

/**
 * @param rounds of which the best counts, taken in turns: what else the machine does only makes them longer
 * @param track makes tracking of a table's; by default ours, as `migrate` does it
 */
export async function measureWriters(
  sql: Sql,
  subject: Subject,
  rounds: number,
  track = (table: string) => trackAsMigrate(sql, table, subject.updatedAt),
): Promise<Map<string, Map<Copy, Cost>>> {
  // In the server's own folder, which goes with it.
  const [server] = await sql<{ folder: string }[]>`SELECT current_setting('data_directory') AS folder`;
  const file = `${server!.folder}/bench.rows`;
  const copies: Copy[] = ["untracked", "tracked", "empty trigger"];
  const tableOf = (copy: Copy) => `bench_${copy.replace(" ", "_")}`;
  await sql.unsafe(`DROP TABLE IF EXISTS kept; CREATE TABLE kept AS ${subject.rows}; ANALYZE kept`);
  for (const copy of copies)
    await sql.unsafe(`DROP TABLE IF EXISTS ${tableOf(copy)}; ${subject.create(tableOf(copy))}`);
  await track(tableOf("tracked"));
  await sql.unsafe(`CREATE OR REPLACE FUNCTION bench_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER nothing AFTER INSERT OR UPDATE OR DELETE ON ${tableOf("empty trigger")}
      FOR EACH ROW EXECUTE FUNCTION bench_nothing(); COPY kept TO '${file}'`);
  const columns = await sql<{ name: string }[]>`SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'kept'`;
  const costs = new Map<string, Map<Copy, Cost>>();
  for (let round = 0; round < rounds; round++) {
    for (const { what, statement } of writings(
      subject,
      columns.map(({ name }) => name),
      file,
    )) {
      const ofWriting = costs.get(what) ?? new Map<Copy, Cost>();
      for (const copy of copies) {
        const cost = await measure(sql, statement(tableOf(copy)));
        const best = ofWriting.get(copy) ?? cost;
        ofWriting.set(copy, {
          durationMs: Math.min(best.durationMs, cost.durationMs),
          walBytes: Math.min(best.walBytes, cost.walBytes),
        });
      }
      costs.set(what, ofWriting);
    }
    for (const copy of copies) await sql.unsafe(`DELETE FROM ${tableOf(copy)}`);
    for (const copy of copies) await sql.unsafe(`VACUUM ${tableOf(copy)}`);
    await sql.unsafe("CHECKPOINT");
  }
  return costs;
}

async function trackAsMigrate(sql: Sql, table: string, updatedAt: Subject["updatedAt"]): Promise<void> {
  await sql`SELECT datahub_sync.track(${table}::text::regclass, NULL, ARRAY['sync_timestamp'], NULL, ${updatedAt})`;
}

async function measure(sql: Sql, statement: string): Promise<Cost> {
  const [before] = await sql<{ lsn: string }[]>`SELECT pg_current_wal_insert_lsn() AS lsn`;
  const startedAt = performance.now();
  await sql.unsafe(statement);
  const durationMs = performance.now() - startedAt;
  const [wal] = await sql<{ bytes: number }[]>`
    SELECT (pg_current_wal_insert_lsn() - ${before!.lsn}::pg_lsn)::float8 AS bytes`;
  return { durationMs, walBytes: wal!.bytes };
}

export function describeWriters(subject: Subject, costs: Map<string, Map<Copy, Cost>>): ResultTable {
  const milliseconds = (ms: number) => `${ms.toFixed(1)} ms`;
  return {
    id: `writers-${subject.name}`,
    head: [
      `Writers, ${subject.name} table`,
      "tracked",
      "untracked",
      "ratio",
      "empty trigger",
      "WAL, tracked",
      "untracked",
      "ratio",
    ],
    rows: [...costs].map(([what, copies]) => {
      const [tracked, untracked] = [copies.get("tracked")!, copies.get("untracked")!];
      return [
        what,
        ...[tracked, untracked].map(({ durationMs }) => milliseconds(durationMs)),
        ratio(tracked.durationMs, untracked.durationMs),
        milliseconds(copies.get("empty trigger")!.durationMs),
        ...[tracked, untracked].map(({ walBytes }) => size(walBytes)),
        ratio(tracked.walBytes, untracked.walBytes),
      ];
    }),
    figures: Object.fromEntries([...costs].map(([what, copies]) => [what, Object.fromEntries(copies)])),
  };
}
