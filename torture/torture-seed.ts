import { setTimeout as sleep } from "node:timers/promises";
import { randomForRow, type Random } from "../local/data/random.js";
import type { LocalPostgres } from "../local/postgres/start-postgres.js";
import { Chaos } from "./chaos.js";
import { noteShape } from "./audit.js";
import { letChildrenGo } from "./changes-of-shape.js";
import { checkHealed } from "./check-end.js";
import type { Ended } from "./command.js";
import { keepEvidence } from "./evidence.js";
import { judge } from "./judge.js";
import { migrateAll } from "./migrate.js";
import { insertRows } from "./operations.js";
import { alterUntilStopped } from "./owner.js";
import { playAct } from "./play-act.js";
import { runOnce, setStage, type Stage } from "./stage.js";
import { randomShapes, type TortureTable } from "./tables.js";
import type { Target } from "./target.js";
import { needsOf, randomScript, themeOf, type Script } from "./themes.js";
import { writeUntilStopped } from "./writer.js";

export interface SeedOptions {
  seed: number;
  server: LocalPostgres;
  /** The built command line. */
  main: string;
  /** False: no faults, no strikes. */
  chaos: boolean;
}

export interface SeedResult {
  failures: string[];
  /** What happened, in one line. */
  told: string;
  folder: string;
}

/** Each concern draws from a sequence of its own, so that the length of one does not change another. */
const STREAMS = {
  tables: 0,
  rows: 1,
  weather: 2,
  acts: 3,
  stage: 4,
  owner: 5,
  writers: 10,
  fresh: 20,
} as const;

/** Plays one seed: tables, writers and runs under fire, a clean end, and the judgement. */
export async function tortureSeed({
  seed,
  server,
  main,
  chaos: withChaos,
}: SeedOptions): Promise<SeedResult> {
  const stream = (number: number) => randomForRow(seed, number, 0);
  const theme = themeOf(seed);
  const shapes = randomShapes(stream(STREAMS.tables), needsOf(theme));
  const planted = `planted${stream(STREAMS.rows).uuid().slice(0, 8)}`;
  const chaos = new Chaos(stream(STREAMS.weather), withChaos);
  const stage = await setStage({ seed, server, main, shapes, chaos, random: stream(STREAMS.stage) });
  const failures: string[] = [];
  let told = "";
  try {
    await fillTables(stage, stream(STREAMS.rows), planted);
    failures.push(...(await migrateAll(stage, 0, { quiet: true })));
    await runOnce(stage.url, `SELECT datahub_sync.grant_runner('stranger_to_${stage.database}')`);
    const script = randomScript(theme, stream(STREAMS.acts));
    const storm = await playStorm(stage, { script, planted, chaos, withChaos, stream });
    failures.push(...storm.failures);
    told = await endCleanly(stage, failures);
    told = `${storm.told}; ${told}`;
    failures.push(...(await judge(stage, { planted, restarts: storm.restarts })));
  } catch (error) {
    failures.push((error as Error).stack ?? String(error));
  } finally {
    if (failures.length > 0) await keepEvidence(stage).catch((error: unknown) => console.error(error));
    await stage.close({ keepFolder: failures.length > 0 });
  }
  return { failures, told, folder: stage.folder };
}

async function fillTables(stage: Stage, random: Random, planted: string): Promise<void> {
  for (const table of stage.tables) {
    for (const operation of insertRows(table, { random, planted }, random.integer(0, 150))) {
      if ("sql" in operation && !operation.sql.includes("VALUES  ON"))
        await runOnce(stage.url, operation.sql);
    }
  }
}

interface Storm {
  script: Script;
  planted: string;
  chaos: Chaos;
  withChaos: boolean;
  stream: (number: number) => Random;
}

/** Writers write while runs run, and are struck. */
async function playStorm(stage: Stage, { script, planted, chaos, withChaos, stream }: Storm) {
  const failures: string[] = [];
  const told: string[] = [];
  let restarts = 0;
  const stop = new AbortController();
  const random = stream(STREAMS.acts);
  const { acts, quietFrom, truncates, asynchronous, altering } = script;
  const writers = Array.from({ length: random.integer(2, 4) }, (_, number) =>
    writeUntilStopped({
      name: `writer ${number}`,
      url: stage.url,
      stage,
      truncates,
      asynchronous,
      making: { random: stream(STREAMS.writers + number), planted },
      stop: stop.signal,
      onFailure: (message) => failures.push(`a statement of the source's owner failed: ${message}`),
    }),
  );
  if (altering) for (const { watch } of stage.targets) watch.mayRehash = true;
  const owner =
    altering &&
    alterUntilStopped(stage, altering, {
      making: { random: stream(STREAMS.owner), planted },
      stop: stop.signal,
      onFailure: (message) => failures.push(`a change of the owner's failed: ${message}`),
    });
  try {
    for (const [number, act] of acts.entries()) {
      if (number === quietFrom) {
        stop.abort();
        await Promise.all([...writers, owner]);
      }
      const calm = { ...act, strike: null, deed: null, freshRows: false, change: null };
      const played = await playAct(stage, chaos, withChaos ? act : calm, {
        random: stream(STREAMS.fresh + number),
        planted,
      });
      failures.push(...played.failures);
      told.push(...played.told);
      restarts += played.restarts;
    }
  } finally {
    chaos.clearUp();
    stop.abort();
  }
  const written = await Promise.all(writers);
  const altered = (await owner) ?? 0;
  const transactions = written.reduce((sum, writer) => sum + writer.transactions, 0);
  const lost = written.reduce((sum, writer) => sum + writer.lostToFailures, 0);
  await resolvePrepared(stage);
  failures.push(...stage.locks.failures);
  return {
    failures,
    told: [
      `${script.theme}${describeIsolate(chaos)}: ${transactions} transactions (${lost} failed), ${altered} changes of tables`,
      ...told,
    ].join(", "),
    restarts,
  };
}

function describeIsolate({ isolate: { tripMs, maxOwnMs } }: Chaos): string {
  return [tripMs && ", slow", maxOwnMs && ", cramped"].filter(Boolean).join("");
}

/** What a crash or a stop left prepared. */
async function resolvePrepared(stage: Stage): Promise<void> {
  const sql = stage.connect();
  const prepared = await sql<{ gid: string }[]>`
    SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY gid`;
  for (const [number, { gid }] of prepared.entries()) {
    await sql.unsafe(`${number % 2 === 0 ? "COMMIT" : "ROLLBACK"} PREPARED '${gid}'`);
  }
  await sql.end();
}

/**
 * Nobody writes any more, and what columns waited for is deployed: the first run mends whatever has drifted, by a delta
 * where nothing has. What one deployment mends, the other one notices. After that nothing is left to do. The deletion
 * guard is lifted, and whoever holds the lease still is waited for.
 */
async function endCleanly(stage: Stage, failures: string[]): Promise<string> {
  await runOnce(stage.url, letChildrenGo(stage.tables.map(({ base }) => base)));
  const told: string[] = [];
  for (const target of stage.targets) {
    if (!(await hasWaiting(stage))) continue;
    target.watch.mayRehash = true;
    await runOnce(stage.url, target.tables.map(noteShape).join("; "));
    target.deployAll();
  }
  const rounds = stage.targets.length + 1;
  for (let round = 1; round <= rounds; round++) {
    for (const { tables, start } of stage.targets) {
      const ended = await runLast(tables, start);
      failures.push(...checkHealed(ended, { last: round === rounds }));
      if (round === 1) told.push(ended.stdout.includes("BECAME_FULL") ? "ended full" : "ended with a delta");
    }
  }
  return told.join(", the other ");
}

/** Whether there is a column that was not deployed with the others. */
async function hasWaiting(stage: Stage): Promise<boolean> {
  const sql = stage.connect();
  const found = await sql`SELECT FROM pg_attribute WHERE attname = 'extra_2' AND NOT attisdropped`;
  await sql.end();
  return found.length > 0;
}

async function runLast(tables: readonly TortureTable[], start: Target["start"]): Promise<Ended> {
  const allowed = tables.map(({ mirror }) => mirror);
  for (let attempt = 0; ; attempt++) {
    const last = await start(["sync", "--json", "--allow-deletes", ...allowed]).ended;
    if (last.exitCode !== 4 || attempt === 20) return last;
    await sleep(500);
  }
}
