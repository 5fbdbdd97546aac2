import { expect } from "vitest";
import type { SourceConfig } from "../../src/model/config.js";
import { printTrack } from "../../src/catalog/track-call.js";
import type { UpdatedAtMode } from "../../src/catalog/track-call.js";
import { inOneTransaction } from "../../src/state/apply-migrations.js";
import { migrate, type MigrateReport } from "../../src/commands/migrate.js";
import type { MigrationPlan } from "../../src/commands/migration-plan.js";
import { planMigration } from "../../src/commands/plan-migration.js";
import { hurriedClock } from "./mirror-fixture.js";
import type { TestDatabase } from "./postgres.js";
import { spyOnStatements, type SentStatement } from "./spy-statements.js";

/** Everything that a `migrate` may touch: what is in the catalog of the database, and our own rows. */
async function readDatabase({ sql }: TestDatabase): Promise<unknown> {
  const catalog = ["pg_class", "pg_proc", "pg_trigger", "pg_namespace", "pg_attribute"];
  const written: unknown[] = [];
  for (const name of catalog) {
    written.push(await sql.unsafe(`SELECT count(*), max(xmin::text::bigint) FROM ${name}`));
  }
  const ours = await sql<{ name: string }[]>`
    SELECT relname AS name FROM pg_class
     WHERE relnamespace = to_regnamespace('datahub_sync') AND relkind = 'r' ORDER BY 1`;
  for (const { name } of ours) {
    written.push(
      await sql.unsafe(`SELECT xmin::text || t::text AS row FROM datahub_sync."${name}" t ORDER BY 1`),
    );
  }
  return JSON.parse(JSON.stringify(written));
}

/** A dry run of `migrate`, and the `migrate` right after it: the one writes nothing, and prints what the other runs. */
export async function planThenMigrate(
  db: TestDatabase,
  config: SourceConfig,
): Promise<{ plan: MigrationPlan; report: MigrateReport }> {
  const before = await readDatabase(db);
  const plan = await planMigration({ config, clock: hurriedClock });
  expect(await readDatabase(db)).toEqual(before);
  let report: MigrateReport | null = null;
  const sent = await spyOnStatements(async () => {
    report = await migrate({ config, clock: hurriedClock });
  });
  const migrations = plan.statements.filter(({ table }) => table === null);
  expect(await printSent(db, sent)).toEqual([
    ...(migrations.length === 0 ? [] : [inOneTransaction(migrations)]),
    ...plan.statements.filter(({ table }) => table !== null).map((statement) => statement.sql),
  ]);
  const { tables, applied, exitCode } = report!;
  expect(plan).toMatchObject({ tables, pending: applied, exitCode });
  return { plan, report: report! };
}

/** Of what was sent, what writes. */
async function printSent({ sql }: TestDatabase, sent: readonly SentStatement[]): Promise<string[]> {
  const printed: string[] = [];
  for (const { statement, parameters } of sent) {
    if (statement.startsWith("SET TRANSACTION")) printed.push(statement);
    if (!statement.startsWith("SELECT datahub_sync.track(")) continue;
    const [oid, key, ignored, compared, updatedAt, target] = parameters as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const [base] = await sql<{ schema: string; name: string }[]>`
      SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = ${oid}::text::oid`;
    const list = (literal: string) => JSON.parse(`[${literal.slice(1, -1)}]`) as string[];
    printed.push(
      printTrack(base!, {
        target,
        keyColumns: list(key),
        ignored: list(ignored),
        compared: list(compared),
        updatedAt: updatedAt as UpdatedAtMode,
      }),
    );
  }
  return printed;
}
