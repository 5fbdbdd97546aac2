import { setTimeout as sleep } from "node:timers/promises";
import { randomForRow, type Random } from "../local/data/random.js";
import type { LocalPostgres } from "../local/postgres/start-postgres.js";
import { CallFaults } from "./call-faults.js";
import { noteShape } from "./audit.js";
import { letChildrenGo } from "./changes-of-shape.js";
import { checkHealed } from "./check-end.js";
import type { Ended } from "./command.js";
import { saveState } from "./save-state.js";
import { checkBothSides } from "./check-seed.js";
import { keepCompany } from "./companions.js";
import { migrateAll } from "./migrate.js";
import { insertRows } from "./operations.js";
import { alterUntilStopped } from "./owner.js";
import { runStep } from "./run-step.js";
import { runOnce, setUp, type Setup } from "./setup.js";
import { randomShapes, type TortureTable } from "./tables.js";
import type { Target } from "./target.js";
import { needsOf, randomScript, scenarioOf, type Script } from "./scenarios.js";
import { writeUntilStopped } from "./writer.js";

export interface SeedOptions {
  seed: number;
  server: LocalPostgres;
  /** The built command line. */
  main: string;
  /** False: no faults, no interruptions. */
  withFaults: boolean;
}

export interface SeedResult {
  failures: string[];
  /** What happened, in one line. */
  events: string;
  folder: string;
}

/** Each concern draws from a sequence of its own, so that the length of one does not change another. */
const STREAMS = {
  tables: 0,
  rows: 1,
  callFaults: 2,
  steps: 3,
  setup: 4,
  owner: 5,
  companions: 6,
  writers: 10,
  fresh: 20,
} as const;

/** Runs one seed: tables, writers and runs under faults, an end without faults, and the checks. */
export async function tortureSeed({ seed, server, main, withFaults }: SeedOptions): Promise<SeedResult> {
  const stream = (number: number) => randomForRow(seed, number, 0);
  const scenario = scenarioOf(seed);
  const shapes = randomShapes(stream(STREAMS.tables), needsOf(scenario));
  const planted = `planted${stream(STREAMS.rows).uuid().slice(0, 8)}`;
  const callFaults = new CallFaults(stream(STREAMS.callFaults), withFaults);
  const setup = await setUp({ seed, server, main, shapes, callFaults, random: stream(STREAMS.setup) });
  const failures: string[] = [];
  let events = "";
  try {
    await fillTables(setup, stream(STREAMS.rows), planted);
    failures.push(...(await migrateAll(setup, 0, { quiet: true })));
    await runOnce(setup.url, `SELECT datahub_sync.grant_runner('runner_of_${setup.database}')`);
    const script = randomScript(scenario, stream(STREAMS.steps));
    const ran = await runScript(setup, { script, planted, callFaults, withFaults, stream });
    failures.push(...ran.failures);
    events = await endWithoutFaults(setup, failures);
    events = `${ran.events}; ${events}`;
    failures.push(...(await checkBothSides(setup, { planted, restarts: ran.restarts })));
  } catch (error) {
    failures.push((error as Error).stack ?? String(error));
  } finally {
    if (failures.length > 0) await saveState(setup).catch((error: unknown) => console.error(error));
    await setup.close({ keepFolder: failures.length > 0 });
  }
  return { failures, events, folder: setup.folder };
}

async function fillTables(setup: Setup, random: Random, planted: string): Promise<void> {
  for (const table of setup.tables) {
    for (const operation of insertRows(table, { random, planted }, random.integer(0, 150))) {
      if ("sql" in operation && !operation.sql.includes("VALUES  ON"))
        await runOnce(setup.url, operation.sql);
    }
  }
}

interface ScriptOptions {
  script: Script;
  planted: string;
  callFaults: CallFaults;
  withFaults: boolean;
  stream: (number: number) => Random;
}

/** Writers write while runs run, and are interrupted. */
async function runScript(setup: Setup, { script, planted, callFaults, withFaults, stream }: ScriptOptions) {
  const failures: string[] = [];
  const events: string[] = [];
  let restarts = 0;
  const stop = new AbortController();
  const random = stream(STREAMS.steps);
  const { steps, quietFrom, truncates, asynchronous, altering, companions } = script;
  const ended = new AbortController();
  const writers = Array.from({ length: random.integer(2, 4) }, (_, number) =>
    writeUntilStopped({
      name: `writer ${number}`,
      url: setup.url,
      setup,
      truncates,
      asynchronous,
      making: { random: stream(STREAMS.writers + number), planted },
      stop: stop.signal,
      onFailure: (message) => failures.push(`a statement of the source's owner failed: ${message}`),
    }),
  );
  if (altering) for (const { watch } of setup.targets) watch.mayRehash = true;
  const owner =
    altering &&
    alterUntilStopped(setup, altering, {
      making: { random: stream(STREAMS.owner), planted },
      stop: stop.signal,
      onFailure: (message) => failures.push(`a change of the owner's failed: ${message}`),
    });
  const company =
    companions &&
    keepCompany(setup, companions, { random: stream(STREAMS.companions), withFaults, stop: ended.signal });
  try {
    for (const [number, step] of steps.entries()) {
      if (number === quietFrom) {
        stop.abort();
        await Promise.all([...writers, owner]);
      }
      const withoutFaults = { ...step, interruption: null, removal: null, freshRows: false, change: null };
      const report = await runStep(setup, callFaults, withFaults ? step : withoutFaults, {
        random: stream(STREAMS.fresh + number),
        planted,
      });
      failures.push(...report.failures);
      events.push(...report.events);
      restarts += report.restarts;
    }
  } finally {
    callFaults.stop();
    stop.abort();
    ended.abort();
  }
  const kept = await company;
  failures.push(...(kept?.failures ?? []));
  events.push(...(kept?.events ?? []));
  const written = await Promise.all(writers);
  const altered = (await owner) ?? 0;
  const transactions = written.reduce((sum, writer) => sum + writer.transactions, 0);
  const lost = written.reduce((sum, writer) => sum + writer.lostToFailures, 0);
  await resolvePrepared(setup);
  failures.push(...setup.locks.failures);
  return {
    failures,
    events: [
      `${script.scenario}${describeIsolate(callFaults)}: ${transactions} transactions (${lost} failed), ${altered} changes of tables`,
      ...events,
    ].join(", "),
    restarts,
  };
}

function describeIsolate({ isolate: { tripMs, maxOwnMs } }: CallFaults): string {
  return [tripMs && ", slow", maxOwnMs && ", little memory"].filter(Boolean).join("");
}

/** What a crash or a stop left prepared. */
async function resolvePrepared(setup: Setup): Promise<void> {
  const sql = setup.connect();
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
 * guard is off, and a run that still holds the lease is waited for.
 */
async function endWithoutFaults(setup: Setup, failures: string[]): Promise<string> {
  await runOnce(setup.url, letChildrenGo(setup.tables.map(({ base }) => base)));
  const events: string[] = [];
  for (const target of setup.targets) {
    if (!(await hasWaiting(setup))) continue;
    target.watch.mayRehash = true;
    await runOnce(setup.url, target.tables.map(noteShape).join("; "));
    target.deployAll();
  }
  const rounds = setup.targets.length + 1;
  for (let round = 1; round <= rounds; round++) {
    for (const { tables, start } of setup.targets) {
      const ended = await runLast(tables, start);
      failures.push(...checkHealed(ended, { last: round === rounds }));
      if (round === 1)
        events.push(ended.stdout.includes("BECAME_FULL") ? "ended full" : "ended with a delta");
    }
  }
  return events.join(", the other ");
}

/** Whether there is a column that was not deployed with the others. */
async function hasWaiting(setup: Setup): Promise<boolean> {
  const sql = setup.connect();
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
