import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import { EXIT, SyncError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { Database, Sql } from "../postgres/database.js";
import { databaseErrorCode } from "../postgres/database-error.js";

/** The journal is our own: an app that uses Drizzle keeps its migrations in the schema `drizzle`. */
const JOURNAL = { migrationsSchema: "datahub_sync", migrationsTable: "migrations" } as const;

/** Held while migrations run, in a transaction of its own: a session's lock means nothing behind a pooler. */
const MIGRATION_LOCK = "SELECT pg_advisory_xact_lock(hashtext('datahub_sync.migrations'))";

interface Migration {
  name: string;
  hash: string;
}

/**
 * Brings the schema `datahub_sync` up to date. Safe to start twice at once: the second waits and finds nothing to do.
 * @returns the names of the migrations that were applied, in order
 * @throws SyncError MIGRATIONS_NEWER when this database was migrated by a newer version
 */
export async function applyMigrations(database: Database): Promise<string[]> {
  return database.run("migrating the schema datahub_sync", async (sql) => {
    let applied: string[] = [];
    // The lock's transaction and the migrations' are two connections; the first holds no xid, so it pins nothing.
    await sql.begin(async (lock) => {
      await lock.unsafe(MIGRATION_LOCK);
      const before = await readApplied(sql);
      refuseNewer(before, await readMigrations());
      await migrate(drizzle(sql), { migrationsFolder: migrationsFolder(), ...JOURNAL });
      const done = new Set(before);
      applied = (await readMigrations()).filter(({ hash }) => !done.has(hash)).map(({ name }) => name);
    });
    return applied;
  });
}

/**
 * @throws SyncError MIGRATIONS_MISSING when the database lacks a migration of this version, MIGRATIONS_NEWER when it
 * has one that this version does not know
 */
export async function requireMigrations(database: Database): Promise<void> {
  const known = await readMigrations();
  const applied = await database.run("reading the migrations", readApplied);
  refuseNewer(applied, known);
  const lacking = known.filter(({ hash }) => !applied.includes(hash));
  if (lacking.length === 0) return;
  throw new SyncError({
    code: "MIGRATIONS_MISSING",
    message:
      applied.length === 0
        ? "The schema datahub_sync is not in this database."
        : `This database lacks ${lacking.length} migrations of this version, from ${lacking[0]!.name} on.`,
    remedy: "Run `datahub-sync migrate`, as the owner of the tables.",
  });
}

function refuseNewer(applied: readonly string[], known: readonly Migration[]): void {
  const hashes = new Set(known.map(({ hash }) => hash));
  if (applied.every((hash) => hashes.has(hash))) return;
  throw new SyncError({
    code: "MIGRATIONS_NEWER",
    message: "This database was migrated by another, probably newer version of datahub-sync.",
    remedy: "Update datahub-sync here to the version that migrated the database.",
    exitCode: EXIT.failed,
  });
}

async function readApplied(sql: Sql): Promise<string[]> {
  try {
    const rows = await sql.unsafe<{ hash: string }[]>("SELECT hash FROM datahub_sync.migrations ORDER BY id");
    return rows.map((row) => row.hash);
  } catch (error) {
    // 42P01 undefined_table, 3F000 invalid_schema_name: nothing has ever been migrated here.
    if (["42P01", "3F000"].includes(databaseErrorCode(error) ?? "")) return [];
    throw error;
  }
}

async function readMigrations(): Promise<Migration[]> {
  const folder = migrationsFolder();
  const journal = JSON.parse(await readFile(join(folder, "meta", "_journal.json"), "utf8")) as {
    entries: { tag: string }[];
  };
  return Promise.all(
    journal.entries.map(async ({ tag }) => ({
      name: tag,
      // As Drizzle's migrator identifies a migration.
      hash: createHash("sha256")
        .update(await readFile(join(folder, `${tag}.sql`), "utf8"))
        .digest("hex"),
    })),
  );
}

function migrationsFolder(): string {
  return join(packageRoot(), "migrations");
}
