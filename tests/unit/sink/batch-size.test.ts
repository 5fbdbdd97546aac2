import { describe, expect, test } from "vitest";
import { BatchSize } from "../../../src/sink/batch-size.js";
import { ConvexCallError } from "../../../src/sink/convex-call-error.js";
import { keys, row, shapes, startBatchSender } from "../../support/batch-sender-fixture.js";

describe("the size of batches", () => {
  const start = () => new BatchSize({ rows: 400, bytes: 1_000 });
  const pass = (size: BatchSize, times: number) => {
    for (let time = 0; time < times; time++) size.passed(size.rows, size.bytes);
  };

  test("stays what has passed, and grows back by a quarter after eight more", () => {
    const size = start();
    size.shrinkTo(200, 500);
    pass(size, 7);
    expect([size.rows, size.bytes]).toEqual([200, 500]);
    pass(size, 1);
    expect([size.rows, size.bytes]).toEqual([250, 625]);
  });

  test("never grows past what was asked for", () => {
    const size = start();
    size.shrinkTo(200, 500);
    pass(size, 100);
    expect([size.rows, size.bytes]).toEqual([400, 1_000]);
  });

  test("is tried larger more seldom each time that it fails", () => {
    const size = start();
    const trials: number[] = [];
    size.shrinkTo(200, 500);
    for (let failures = 0; failures < 8; failures++) {
      let passed = 0;
      for (; size.rows === 200; passed++) pass(size, 1);
      trials.push(passed);
      size.shrinkTo(200, 500);
    }
    expect(trials).toEqual([8, 16, 32, 64, 128, 256, 256, 256]);
  });

  test("small batches say nothing of larger ones", () => {
    const size = start();
    size.shrinkTo(200, 500);
    for (let time = 0; time < 100; time++) size.passed(10, 20);
    expect(size.rows).toBe(200);
  });

  test("a single row can be all that passes, and it still grows", () => {
    const size = start();
    size.shrinkTo(1, 1);
    pass(size, 8);
    expect(size.rows).toBe(2);
  });
});

const lengths = ({ convex }: ReturnType<typeof startBatchSender>) =>
  shapes(convex).map((shape) => shape.length);
const sorted = (numbers: number[]) => numbers.sort((a, b) => b - a);
/** Rows of the same size. */
const alike = (count: number) => keys(count).map((key) => row(key.padEnd(5, "_")));

describe("a table whose batches are too much for Convex", () => {
  test("is sent no more of that size, whatever Convex calls the reason", async () => {
    const started = startBatchSender({ maxBatchRows: 16, maxInFlight: 1 });
    started.convex.maxUpserts = 5;
    await started.send(...alike(48));
    // Two of full size were cut before Convex had answered the first.
    expect(sorted(lengths(started))).toEqual([16, 16, 8, 8, 8, 8, ...Array<number>(12).fill(4)]);
    expect(started.refused).toEqual([]);
  });

  test("is told from a table with a bad row, whose batches stay as they are", async () => {
    const started = startBatchSender({ maxBatchRows: 8, maxInFlight: 1 });
    started.convex.refusesHash = (hash) => hash === "hash of k5";
    await started.send(...keys(40).map((key) => row(key)));
    expect(sorted(lengths(started))).toEqual([8, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1]);
  });
});

describe("a function whose database time has passed 15 s", () => {
  const timeout = () =>
    new ConvexCallError({
      kind: "http",
      functionName: "applyBatch",
      status: 400,
      code: "SystemTimeoutError",
    });

  test("is sent half of it", async () => {
    const started = startBatchSender({ maxBatchRows: 8, maxInFlight: 1 });
    started.convex.fails = ({ upserts }) => (upserts.length > 4 ? timeout() : null);
    await started.send(...alike(24));
    expect(sorted(lengths(started))).toEqual([8, 8, 4, 4, 4, 4, 4, 4]);
    expect(started.sender.counts).toMatchObject({ inserted: 24, refused: 0 });
  });

  test("is asked again, later, where there is nothing to halve: a row is never set aside for it", async () => {
    const started = startBatchSender({ maxBatchRows: 4 });
    let times = 0;
    started.convex.fails = ({ upserts }) =>
      upserts.some(({ key }) => key === "k2") && ++times < 7 ? timeout() : null;
    await started.send(...keys(4).map((key) => row(key)));
    expect(started.refused).toEqual([]);
    expect(started.sender.counts).toMatchObject({ inserted: 4, refused: 0 });
    expect(started.convex.meters.retries).toBe(4);
  });

  test("ends the run where it never passes, and says why", async () => {
    const started = startBatchSender({ maxBatchRows: 4 });
    started.convex.fails = timeout;
    await expect(started.send(row("a"), row("b"))).rejects.toMatchObject({
      code: "DEPLOYMENT_FAILED",
      table: "poles",
      remedy: expect.stringContaining("15 s") as string,
    });
    expect(started.refused).toEqual([]);
  });
});
