import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { LocalStack } from "../../local/start-local.js";
import { SOURCE_TABLES } from "../../local/data/source-tables.js";
import type { Cli } from "../cli.js";
import { servePeerDeployment } from "./deployment.js";
import { Contestant } from "./figures.js";
import { COPY, CURSOR, EVERYTHING, NULL_SINK, OURS } from "./names.js";
import { startProgram, type ProgramName, type Programs } from "./programs.js";

/** The three that mirror the same tables, and what they mirror. */
export interface Stage {
  ours: Contestant;
  cursor: Contestant;
  everything: Contestant;
  nullSink: Contestant;
  copy: Contestant;
  /** The source of datahub-sync, and its twin. What is done to one is to be done to the other. */
  sources: [tracked: Sql, untracked: Sql];
  close(): Promise<void>;
}

const PLAIN = "plain";

/**
 * The peers read a copy of the source that is not tracked: tracking gives equal rows their old `updated_at` back, and a
 * cursor over it would have the use of our triggers.
 * @param stack not migrated yet
 */
export async function openStage(cli: Cli, stack: LocalStack, programs: Programs): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "datahub-sync-peers-"));
  const admin = postgres(stack.postgres!.url(), { max: 1, onnotice: () => {} });
  await admin`CREATE DATABASE ${admin(PLAIN)} TEMPLATE ${admin(new URL(stack.databaseUrl).pathname.slice(1))}`;
  await admin.end();
  const plainUrl = stack.postgres!.url(PLAIN);
  const deployments = await Promise.all([
    servePeerDeployment(),
    servePeerDeployment(),
    servePeerDeployment(),
  ]);
  const [ofCursor, ofEverything, ofFloors] = deployments;

  const tables = SOURCE_TABLES.map((table) => table.name);
  const peer = (
    name: string,
    databaseUrl: string,
    { deployment, convexUrl }: typeof ofCursor,
    of: ProgramName,
  ) =>
    Contestant.open(name, { databaseUrl, convexUrl }, deployment, startProgram(programs, of, folder, tables));
  const ours = await Contestant.open(OURS, stack, stack.deployment, (environment, flags) =>
    cli.run({ ...stack.environment, ...environment }, "sync", "--json", ...flags),
  );
  await cli.run({ ...stack.environment, ...ours.environment }, "migrate");
  const sources = [stack.databaseUrl, plainUrl].map((url) =>
    postgres(url, { max: 2, onnotice: () => {} }),
  ) as Stage["sources"];
  for (const sql of sources) await sql`VACUUM ANALYZE`;
  const contestants = {
    ours,
    cursor: await peer(CURSOR, plainUrl, ofCursor, "cursor"),
    everything: await peer(EVERYTHING, plainUrl, ofEverything, "everything"),
    nullSink: await peer(NULL_SINK, stack.databaseUrl, ofFloors, "null-sink"),
    copy: await peer(COPY, plainUrl, ofFloors, "copy"),
  };
  return {
    ...contestants,
    sources,
    async close() {
      await Promise.all(sources.map((sql) => sql.end()));
      await Promise.all(Object.values(contestants).map((contestant) => contestant.close()));
      await Promise.all(deployments.map((deployment) => deployment.close()));
      await rm(folder, { recursive: true });
    },
  };
}
