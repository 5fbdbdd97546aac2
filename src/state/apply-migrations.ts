import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SyncError } from "../model/errors.js";
import { SCHEMA_ABSENT } from "../model/remedies.js";
import { packageRoot } from "../package-root.js";
import type { Database, Sql } from "../postgres/database.js";
import { databaseErrorCode, isMissingRelation } from "../postgres/database-error.js";
import { unsupportedEncoding } from "../postgres/explain-connection.js";

/**
 * The journal that Drizzle's migrator keeps, in a schema of our own: an app that uses Drizzle keeps its migrations in
 * the schema `drizzle`.
 */
const JOURNAL = `
  CREATE SCHEMA IF NOT EXISTS datahub_sync;
  CREATE TABLE IF NOT EXISTS datahub_sync.migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)`;

/** Held until the migrations have committed: a session's lock means nothing behind a pooler. */
const MIGRATION_LOCK = "SELECT pg_advisory_xact_lock(hashtext('datahub_sync.migrations'))";

interface Migration {
  name: string;
  text: string;
  hash: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/**
 * Brings the schema `datahub_sync` up to date. Safe to start twice at once: the second waits and finds nothing to do.
 * @returns the names of the migrations that were applied, in order
 * @throws SyncError ENCODING_UNSUPPORTED before anything is created; MIGRATIONS_NEWER when this database was migrated by a newer version, MIGRATIONS_OBSOLETE when by a
 *   checkout of before the first release
 */
export async function applyMigrations(database: Database): Promise<string[]> {
  const known = await readMigrations();
  return database.execute("migrating the schema datahub_sync", async (sql) => {
    for (;;) {
      const { before, pending } = await findPending(sql, known);
      if (pending.length === 0) return [];
      try {
        await sql.unsafe(inOneTransaction(statementsOf(before, pending)));
        return pending.map(({ name }) => name);
      } catch (error) {
        if (databaseErrorCode(error) !== MIGRATED_MEANWHILE) throw error;
      }
    }
  });
}

/** One of the statements that bring the schema up to date; `migration`: that it belongs to, by name. */
export interface MigrationStatement {
  migration: string | null;
  sql: string;
}

/** What `applyMigrations` would do. */
export interface PendingMigrations {
  /** Migrations that were applied before: none where the schema is not there. */
  applied: number;
  pending: string[];
  /** In their order, all of them in one transaction. */
  statements: MigrationStatement[];
}

/** @throws SyncError as `applyMigrations` does */
export async function planMigrations(database: Database): Promise<PendingMigrations> {
  const known = await readMigrations();
  const { before, pending } = await database.execute("reading the migrations", (sql) =>
    findPending(sql, known),
  );
  return {
    applied: before.length,
    pending: pending.map(({ name }) => name),
    statements: pending.length === 0 ? [] : statementsOf(before, pending),
  };
}

async function findPending(sql: Sql, known: readonly Migration[]) {
  await refuseDatabase(sql);
  const before = await readApplied(sql);
  refuseNewer(before, known);
  return { before, pending: known.filter(({ hash }) => !before.includes(hash)) };
}

/** A SQLSTATE of our own: another `migrate` held the lock, and has done what this one was about to do. */
const MIGRATED_MEANWHILE = "DS001";

/**
 * All that is to be done as one message of the simple protocol, which Postgres carries out as one transaction.
 * Drizzle's migrator would use the driver's `begin`, which ends the process when its backend dies, and beside the
 * lock's transaction it would need a second connection, which a pooler may not have.
 */
export function inOneTransaction(statements: readonly MigrationStatement[]): string {
  return statements.map(({ sql }) => sql).join(";\n");
}

function statementsOf(before: readonly string[], pending: readonly Migration[]): MigrationStatement[] {
  const common = [
    // What was done while we waited for the lock has to be seen, whatever the role's default is.
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    MIGRATION_LOCK,
    JOURNAL,
    `DO $check$ BEGIN
       IF (SELECT count(*) FROM datahub_sync.migrations) <> ${before.length} THEN
         RAISE EXCEPTION 'migrated meanwhile' USING ERRCODE = '${MIGRATED_MEANWHILE}';
       END IF;
     END $check$`,
  ];
  return [
    ...common.map((sql) => ({ migration: null, sql })),
    ...pending.flatMap(({ name, text, hash, createdAt }) => [
      { migration: name, sql: text },
      {
        migration: name,
        sql: `INSERT INTO datahub_sync.migrations (hash, created_at) VALUES ('${hash}', ${createdAt})`,
      },
    ]),
  ];
}

/** SQL: what `checkMigrations` has to know, as JSON. Fails where the schema is not there. */
export const MIGRATION_FACTS = `json_build_object(
    'encoding', getdatabaseencoding(), 'obsolete', to_regclass('datahub_sync.deletions') IS NOT NULL,
    'applied', (SELECT json_agg(hash ORDER BY id) FROM datahub_sync.migrations))`;

export interface MigrationFacts {
  encoding: string;
  obsolete: boolean;
  applied: string[] | null;
}

/**
 * @param facts null where the schema is not there
 * @throws SyncError MIGRATIONS_MISSING when the database lacks a migration of this version, MIGRATIONS_NEWER when it
 *   has one that this version does not know; ENCODING_UNSUPPORTED, MIGRATIONS_OBSOLETE
 */
export async function checkMigrations(database: Database, facts: MigrationFacts | null): Promise<void> {
  const known = await readMigrations();
  if (facts === null) await database.execute("reading the migrations", refuseDatabase);
  else refuseFacts(facts);
  const applied = facts?.applied ?? [];
  refuseNewer(applied, known);
  const lacking = known.filter(({ hash }) => !applied.includes(hash));
  if (lacking.length === 0) return;
  throw new SyncError({
    code: "MIGRATIONS_MISSING",
    message:
      applied.length === 0
        ? SCHEMA_ABSENT
        : `This database lacks ${lacking.length === 1 ? "a migration" : `${lacking.length} migrations`} of this version, from ${lacking[0]!.name} on.`,
    remedy: "Run `datahub-sync migrate`, as the owner of the tables.",
  });
}

/** The same, asked for by itself. */
export async function requireMigrations(database: Database): Promise<void> {
  const facts = await database.execute("reading the migrations", (sql) =>
    sql
      .unsafe<{ facts: string }[]>(`SELECT ${MIGRATION_FACTS}::text AS facts`)
      .then(([row]) => JSON.parse(row!.facts) as MigrationFacts)
      .catch((error: unknown) => {
        if (isMissingRelation(error)) return null;
        throw error;
      }),
  );
  await checkMigrations(database, facts);
}

/**
 * SQL_ASCII is no encoding: the server converts nothing, and its bytes may be no text at all.
 *
 * Before the first release, tracking lived in the tables themselves: in a column, two indexes, and records of deletions.
 * Nothing leads from there to the change log but a new beginning.
 */
async function refuseDatabase(sql: Sql): Promise<void> {
  const [row] = await sql.unsafe<{ obsolete: string; encoding: string }[]>(
    "SELECT (to_regclass('datahub_sync.deletions') IS NOT NULL)::text AS obsolete, getdatabaseencoding()::text AS encoding",
  );
  refuseFacts({ encoding: row!.encoding, obsolete: row!.obsolete === "true" });
}

function refuseFacts({ encoding, obsolete }: Omit<MigrationFacts, "applied">): void {
  if (encoding === "SQL_ASCII") throw new SyncError(unsupportedEncoding(encoding));
  if (!obsolete) return;
  throw new SyncError({
    code: "MIGRATIONS_OBSOLETE",
    message:
      "This database was migrated by a checkout from before the first release, which kept its tracking in the tables themselves.",
    remedy:
      "Take that out once, as the owner of the tables, and run `datahub-sync migrate` again; the next run compares everything: " +
      "SELECT datahub_sync.untrack(relation_oid::regclass) FROM datahub_sync.tracked_tables; DROP SCHEMA datahub_sync CASCADE;",
  });
}

function refuseNewer(applied: readonly string[], known: readonly Migration[]): void {
  const hashes = new Set(known.map(({ hash }) => hash));
  if (applied.every((hash) => hashes.has(hash))) return;
  throw new SyncError({
    code: "MIGRATIONS_NEWER",
    message: "This database was migrated by another, probably newer version of datahub-sync.",
    remedy: "Update datahub-sync here to the version that migrated the database.",
  });
}

async function readApplied(sql: Sql): Promise<string[]> {
  try {
    const rows = await sql.unsafe<{ hash: string }[]>("SELECT hash FROM datahub_sync.migrations ORDER BY id");
    return rows.map((row) => row.hash);
  } catch (error) {
    if (isMissingRelation(error)) return [];
    throw error;
  }
}

async function readMigrations(): Promise<Migration[]> {
  const folder = migrationsFolder();
  const journal = JSON.parse(await readFile(join(folder, "meta", "_journal.json"), "utf8")) as {
    entries: { tag: string; when: number }[];
  };
  return Promise.all(
    journal.entries.map(async ({ tag, when }) => {
      const text = await readFile(join(folder, `${tag}.sql`), "utf8");
      // As Drizzle's migrator identifies a migration.
      return { name: tag, text, hash: createHash("sha256").update(text).digest("hex"), createdAt: when };
    }),
  );
}

function migrationsFolder(): string {
  return join(packageRoot(), "migrations");
}
