import type { Clock } from "../../model/clock.js";
import type { SourceConfig, SyncConfig } from "../../model/config.js";
import type { Check, CheckArea, DoctorReport } from "../../model/doctor-report.js";
import { EXIT } from "../../model/errors.js";
import type { Database } from "../../postgres/database.js";
import { ConvexSink } from "../../sink/convex-sink.js";
import { describeCosts } from "../../sync/costs.js";
import { noteUnmigrated } from "../../sync/look-at-catalog.js";
import { openDatabase } from "../../sync/open-database.js";
import { openSource } from "../../sync/open-source.js";
import { readMirrorStates, sizeOf } from "../mirror-states.js";
import { checkDeployment } from "./check-convex.js";
import { checkHere, type Surroundings } from "./check-here.js";
import { checkServer } from "./check-postgres.js";
import { checkPlan, checkState } from "./check-state.js";
import { checkMirrors, checkSources } from "./check-tables.js";
import { Checks, good, leftOut } from "./check.js";

export interface DoctorOptions {
  here: Surroundings;
  /** Null where the configuration does not even name the database. */
  source: SourceConfig | null;
  /** Null where it does not name the deployment and the sync key. */
  config: SyncConfig | null;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Looks at every precondition of a run and changes nothing. What is wrong on one side keeps it from nothing that it can look
 * at without it: one call tells all that has to be mended.
 */
export async function examine({ here, source, config, clock, signal }: DoctorOptions): Promise<DoctorReport> {
  const checks = new Checks();
  await checkHere(checks, here);
  if (source === null) {
    checks.add("postgres", "connection", leftOut("the configuration names no database"));
  } else {
    const database = openDatabase(source.database, source.settings, clock, signal, { readOnly: true });
    try {
      await checkBothSides(checks, database, { source, config, clock, signal });
    } finally {
      await database.close();
    }
  }
  const found = checks.all.some(({ outcome }) => outcome === "problem");
  return { ok: !found, exitCode: found ? EXIT.stale : EXIT.done, checks: inOrder(checks.all) };
}

interface Asking {
  source: SourceConfig;
  config: SyncConfig | null;
  clock: Clock;
  signal: AbortSignal;
}

async function checkBothSides(checks: Checks, database: Database, asking: Asking): Promise<void> {
  const { source, config, clock, signal } = asking;
  const isThere = await checkServer(checks, database, { config: source.database, clock });
  if (!isThere) checks.add("postgres", "migrations", leftOut("the server does not answer"));
  const isMigrated = isThere && (await checkMigrated(checks, database));
  const sink = config === null ? null : sinkOf(config, clock);
  const handshake =
    config === null || sink === null ? null : await checkDeployment(checks, sink, { config, clock, signal });
  if (config === null)
    checks.add("convex", "deployment", leftOut("the configuration names no deployment, or no key for it"));
  if (!isThere) return checks.add("tables", "all", leftOut("the server does not answer"));
  if (!isMigrated) noteUnmigrated(database);
  if (!isMigrated || config === null || handshake === null) {
    return checkSources(checks, database, source.mirrors, handshake);
  }
  const { overview, states } = await readMirrorStates({
    database,
    handshake: Promise.resolve(handshake),
    config,
    signal,
  });
  checkState(checks, overview);
  checkPlan(checks, describeCosts(overview.spending, states.map(sizeOf), config.budget));
  await checkMirrors(checks, database, states);
}

function sinkOf({ convex, settings }: SyncConfig, clock: Clock): ConvexSink {
  const { url, syncKey } = convex;
  return new ConvexSink({ url, syncKey: syncKey.reveal(), clock, callTimeoutMs: settings.callTimeoutMs });
}

async function checkMigrated(checks: Checks, database: Database): Promise<boolean> {
  const identity = await checks.look("postgres", "migrations", async () => ({
    finding: good("those of this version"),
    value: await openSource(database),
  }));
  return identity !== null;
}

const AREAS: readonly CheckArea[] = ["here", "postgres", "convex", "tables"];

/** As they are read: by area, and in an area as they were made. */
function inOrder(checks: readonly Check[]): Check[] {
  return AREAS.flatMap((area) => checks.filter((check) => check.area === area));
}
