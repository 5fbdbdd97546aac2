import { isMissingRelation } from "../postgres/database-error.js";
import type { Database } from "../postgres/database.js";
import {
  IDENTITY_FACTS,
  toIdentity,
  type IdentityFacts,
  type SourceIdentity,
} from "../source/source-identity.js";
import {
  checkMigrations,
  MIGRATION_FACTS,
  requireMigrations,
  type MigrationFacts,
} from "../state/apply-migrations.js";

/**
 * The first statement of a command: whether the database is migrated to this version, and who it is.
 * @throws SyncError MIGRATIONS_MISSING, MIGRATIONS_NEWER, MIGRATIONS_OBSOLETE, ENCODING_UNSUPPORTED,
 *   DATABASE_IN_RECOVERY
 */
export async function openSource(database: Database): Promise<SourceIdentity> {
  const facts = await database.execute("reading the migrations", (sql) =>
    sql
      .unsafe<{ migrations: string; identity: string }[]>(
        `SELECT ${MIGRATION_FACTS}::text AS migrations, ${IDENTITY_FACTS}::text AS identity`,
      )
      .then(([row]) => row!)
      .catch((error: unknown) => {
        if (isMissingRelation(error)) return null;
        throw error;
      }),
  );
  // Some of the schema is not there: what is, says which migrations are lacking.
  if (facts === null) await requireMigrations(database);
  else await checkMigrations(database, JSON.parse(facts.migrations) as MigrationFacts);
  return toIdentity(facts === null ? null : (JSON.parse(facts.identity) as IdentityFacts));
}
