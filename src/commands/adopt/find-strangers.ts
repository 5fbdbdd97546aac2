import { planDocument } from "../../encode/plan-document.js";
import type { AdoptionTable } from "../../model/adoption-report.js";
import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import { SyncError } from "../../model/errors.js";
import type { MirrorSink } from "../../sink/mirror-sink.js";
import { ConvexSink } from "../../sink/convex-sink.js";
import { TableReader } from "../../source/table-reader.js";
import type { Database } from "../../postgres/database.js";
import { sortUnknown } from "../../sync/adopt-pass.js";
import { openDatabase } from "../../sync/open-database.js";
import { openSource } from "../../sync/open-source.js";
import { readMirrorStates, type MirrorState } from "../mirror-states.js";

export interface FindStrangersOptions {
  config: SyncConfig;
  clock: Clock;
  signal: AbortSignal;
}

/** Counts the documents that no run has written, by what would become of them. Changes nothing. */
export async function findStrangers({
  config,
  clock,
  signal,
}: FindStrangersOptions): Promise<AdoptionTable[]> {
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  const { url, syncKey } = config.convex;
  const sink = new ConvexSink({
    url,
    syncKey: syncKey.reveal(),
    clock,
    callTimeoutMs: config.settings.callTimeoutMs,
  });
  try {
    await openSource(database);
    const names = config.mirrors.map(({ name }) => name);
    const handshake = sink.handshake(names, { signal });
    const { states } = await readMirrorStates({ database, handshake, config, signal });
    const tables: AdoptionTable[] = [];
    for (const state of states)
      tables.push(await findIn(database, sink.mirror(state.config.name, { signal }), state, signal));
    return tables;
  } finally {
    await database.close();
  }
}

async function findIn(
  database: Database,
  convex: MirrorSink,
  state: MirrorState,
  signal: AbortSignal,
): Promise<AdoptionTable> {
  const found = {
    table: state.config.name,
    equal: 0,
    differing: 0,
    withoutRow: 0,
    doubles: 0,
    withoutKey: 0,
  };
  try {
    if (state.looked instanceof SyncError) throw state.looked;
    if (state.problem !== null) throw state.problem;
    const source = state.looked;
    const plan = planDocument(source.columns, source.name);
    const sides = { database, source, plan, reader: new TableReader(database, source), convex };
    const taken = new Set<string>();
    for await (const page of convex.documents(signal)) {
      const sorted = await sortUnknown(sides, page, taken);
      found.equal += sorted.equal;
      found.differing += sorted.adoptable.length - sorted.equal;
      found.withoutRow += sorted.withoutRow.length;
      found.doubles += sorted.doubles.length;
      found.withoutKey += sorted.withoutKey.length;
    }
    return found;
  } catch (error) {
    if (!(error instanceof SyncError) || error.code === "INTERRUPTED") throw error;
    const { code, message, remedy } = error;
    return { ...found, error: { code, message, remedy } };
  }
}
