import { mutationGeneric } from "convex/server";
import { getDocumentSize, v } from "convex/values";
import { expect, test } from "vitest";
import { applyBatch } from "../../convex/datahubSync/batch.js";
import type { MirrorWriter } from "../../convex/datahubSync/ledger.js";
import { batchFields, type BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import { beginRun } from "../../convex/datahubSync/runs.js";
import schema from "../../convex/schema.js";
import { readDocument } from "../../src/encode/encode-row.js";
import { WRITE_BYTES_PER_SECOND } from "../../src/model/limits.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { CallRefused } from "../../local/convex/errors.js";
import { PLANS } from "../../local/convex/limits.js";
import type { OutgoingBatch } from "../../src/sink/batch.js";
import type { OutgoingRow } from "../../src/sink/outgoing-row.js";
import { BatchSender } from "../../src/sink/batch-sender.js";
import { ConvexCallError } from "../../src/sink/convex-call-error.js";
import { nothingMetered } from "../../src/sink/convex-transport.js";
import { explainFailure } from "../../src/sink/explain-failure.js";
import { WritePacer } from "../../src/sink/write-pacer.js";
import { VirtualClock } from "../support/virtual-clock.js";

const TABLE = "sow_poles";
const TOKEN = { table: TABLE, epoch: 1n, nonce: "run", fence: 0n };
const INDEXES = [["pole_number"]];

/** Ours without the key: its digest takes real time, which a virtual clock does not wait for. */
const modules = {
  mirror: {
    begin: mutationGeneric({
      args: {},
      handler: ({ db }) =>
        beginRun(db as MirrorWriter, { ...TOKEN, lineage: "source", takeOver: false }).then(() => null),
    }),
    apply: mutationGeneric({
      args: batchFields,
      returns: v.any(),
      handler: ({ db }, batch) => applyBatch(db as MirrorWriter, schema.tables[TABLE], batch),
    }),
  },
};

class WatchedPacer extends WritePacer {
  expected = 0;

  override admit(bytes: number, signal: AbortSignal) {
    this.expected += bytes;
    return super.admit(bytes, signal);
  }
}

async function open(seed: number) {
  const clock = new VirtualClock(seed);
  const deployment = LocalDeployment.create({ schema, modules, clock, plan: PLANS.s16, seed });
  await clock.run(deployment.runMutation("mirror:begin"));
  /** On the way there and back: 140 ms on average, and a second at most. */
  const travel = () => clock.sleep(clock.random() ** 6 * 1_000);
  const apply = async ({ upserts: printed, ...others }: OutgoingBatch): Promise<BatchResult> => {
    await travel();
    const upserts = printed.map(({ json, ...row }) => ({ ...row, document: readDocument(json) }));
    try {
      return (await deployment.runMutation("mirror:apply", { ...others, upserts })) as BatchResult;
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      const { status, code } = error;
      throw new ConvexCallError({ kind: "http", functionName: "applyBatch", status, code });
    } finally {
      await travel();
    }
  };
  const pacer = new WatchedPacer(0.85 * WRITE_BYTES_PER_SECOND.S16, clock);
  const sender = new BatchSender({
    sink: {
      applyBatch: apply,
      rotateFence: () => Promise.reject(new Error("Every outcome is known.")),
      explain: (error, table) => explainFailure(error, "local.example", table),
      meter: nothingMetered,
    },
    token: TOKEN,
    clock,
    indexes: INDEXES,
    pacer,
    onRowRefused: () => Promise.reject(new Error("No row of these is bad.")),
  });
  return { clock, deployment, sender, pacer };
}

function rowOf(index: number, bytes: number) {
  return outgoing(index, "h".repeat(22), "x".repeat(bytes));
}

function outgoing(index: number, hash: string, comments: string): OutgoingRow {
  const document = { id: `row ${index}`, pole_number: `P${index}`, comments };
  const { id: key, ...indexed } = document;
  return { key, hash, json: JSON.stringify(document), bytes: getDocumentSize(document), indexed };
}

test.each([
  ["narrow rows", 1, 6_000, 60],
  ["wide rows", 2, 4_000, 3_000],
])("a first load of %s keeps within the plan in every second, and is not turned away", async (_, ...load) => {
  const [seed, rows, bytes] = load;
  const { clock, deployment, sender } = await open(seed);
  const startedAt = clock.now();
  const send = async () => {
    for (let index = 0; index < rows; index++) await sender.upsert(rowOf(index, bytes));
    await sender.drain();
  };
  await clock.run(send());
  expect(deployment.tableSize(TABLE)).toBe(rows);
  const { highestSecondBytes, bytesWritten, refusals } = deployment.throughput()!;
  expect(refusals).toBe(0);
  expect(highestSecondBytes).toBeLessThanOrEqual(WRITE_BYTES_PER_SECOND.S16);
  // And makes use of it.
  const perSecond = (bytesWritten / (clock.now() - startedAt)) * 1_000;
  expect(perSecond).toBeGreaterThan(0.55 * WRITE_BYTES_PER_SECOND.S16);
});

test("what a batch is taken to write is what it writes, and a little more", async () => {
  const { clock, deployment, sender, pacer } = await open(3);
  const written = async (work: () => Promise<void>): Promise<[real: number, expected: number]> => {
    pacer.expected = 0;
    const before = deployment.throughput()!.bytesWritten;
    await clock.run(work().then(() => sender.drain()));
    return [deployment.throughput()!.bytesWritten - before, pacer.expected];
  };
  const rows = Array.from({ length: 200 }, (_, index) => rowOf(index, index));
  const changed = rows.map(({ bytes }, index) => ({ ...outgoing(index, "g".repeat(22), "y"), bytes }));
  const steps: (() => Promise<void>)[] = [
    async () => {
      for (const row of rows) await sender.upsert(row);
    },
    async () => {
      for (const row of changed.slice(100)) await sender.upsert(row);
    },
    async () => {
      for (const { key } of rows) await sender.remove(key);
    },
  ];
  const measured = [];
  for (const step of steps) measured.push(await written(step));
  const [inserted, updated, deleted] = measured.map(([real, expected]) => expected / real);
  expect(inserted).toBeGreaterThan(1);
  expect(inserted).toBeLessThan(1.02);
  expect(updated).toBeGreaterThan(1);
  expect(deleted).toBeGreaterThan(1);
  expect(deleted).toBeLessThan(1.1);
});
