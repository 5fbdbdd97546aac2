import { describe, expect, it } from "vitest";
import {
  expectRefusal,
  FIRST_RUN,
  functions,
  lastRun,
  startTestDeployment,
  SYNC_KEY,
  type TestDeployment,
} from "./test-deployment.js";

const SECOND_RUN = { epoch: 2n, nonce: "second" } as const;

describe("many mirrors in one call", () => {
  const { epoch, nonce } = FIRST_RUN;
  const of = { syncKey: SYNC_KEY, lineage: "source", epoch, nonce };
  const begin = (mirror: TestDeployment, tables: string[], run = {}) =>
    mirror.t.mutation(functions.beginRuns, { ...of, takeOver: false, tables, ...run });

  it("begins each by itself: one that is refused leaves the others alone", async () => {
    const mirror = startTestDeployment();
    await mirror.begin({ table: "sow_drops", epoch: 9n });
    const { results } = await begin(mirror, ["sow_poles", "sow_drops", "no_such_table", "onemap_poles"]);
    expect(results.map(({ table, refused }) => [table, refused?.code])).toEqual([
      ["sow_poles", undefined],
      ["sow_drops", "EPOCH_BEHIND"],
      ["no_such_table", "UNKNOWN_TABLE"],
      ["onemap_poles", undefined],
    ]);
    expect(await mirror.handshake("onemap_poles")).toMatchObject({ state: { epoch, running: true } });
    expect(await mirror.handshake("sow_drops")).toMatchObject({ state: { epoch: 9n } });
  });

  it("refuses a call that names one twice, and begins none", async () => {
    const mirror = startTestDeployment();
    await expectRefusal(begin(mirror, ["sow_poles", "sow_drops", "sow_poles"]), "BAD_REQUEST");
    expect(await mirror.state()).toBeNull();
  });

  it("ends each by itself", async () => {
    const mirror = startTestDeployment();
    await begin(mirror, ["sow_poles", "sow_drops"]);
    await mirror.begin({ table: "sow_drops", ...SECOND_RUN });
    const end = { fence: 0n, priorNonce: null, nextNonce: "ended", highWaterMark: null, position: null };
    const ends = ["sow_poles", "sow_drops"].map((table) => ({ table, ...end, lastRun: lastRun() }));
    const { results } = await mirror.t.mutation(functions.finishRuns, { ...of, ends });
    expect(results.map(({ refused }) => refused?.code)).toEqual([undefined, "STALE_TOKEN"]);
    expect(await mirror.handshake()).toMatchObject({ state: { running: false, nonce: "ended" } });
    expect(await mirror.handshake("sow_drops")).toMatchObject({ state: { running: true, nonce: "second" } });
  });
});

describe("the end of a run that had nothing to do, and was never begun", () => {
  const idle = { fence: null, priorNonce: "ended", nextNonce: "idle end", position: "200:200:" };

  async function ended(): Promise<TestDeployment> {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.rotate(0n, 3n);
    await mirror.finish({ fence: 3n });
    return mirror;
  }

  it("moves the mark, and takes the epoch, where the mirror is as it was found", async () => {
    const mirror = await ended();
    await mirror.finish({ ...SECOND_RUN, ...idle });
    expect(await mirror.state()).toMatchObject({
      epoch: 2n,
      nonce: "idle end",
      fence: 0n,
      running: false,
      position: "200:200:",
    });
    // The repeat of a call whose answer was lost.
    await mirror.finish({ ...SECOND_RUN, ...idle, position: "later" });
    expect(await mirror.state()).toMatchObject({ position: "200:200:" });
  });

  it.each([
    ["another run has ended since", { ...idle, priorNonce: "of before" }],
    ["its epoch is not above the mirror's", { ...idle, epoch: 1n }],
  ])("is refused where %s", async (_case, end) => {
    const mirror = await ended();
    await expectRefusal(mirror.finish({ ...SECOND_RUN, ...end }), "STALE_TOKEN");
    expect(await mirror.state()).toMatchObject({ nonce: "ended", position: "100:110:104" });
  });

  it("is refused where another run has begun, or the mirror never ran", async () => {
    const mirror = await ended();
    await mirror.begin({ epoch: 2n, nonce: "ended" });
    await expectRefusal(mirror.finish({ epoch: 3n, nonce: "third", ...idle }), "STALE_TOKEN");
    expect(await mirror.state()).toMatchObject({ running: true });
    await expectRefusal(startTestDeployment().finish(idle), "STALE_TOKEN");
  });

  it("is refused where the mirror follows another source", async () => {
    const mirror = await ended();
    await mirror.begin({ epoch: 2n, nonce: "n", lineage: "branch", takeOver: true });
    await mirror.finish({ epoch: 2n, nonce: "n" });
    await expectRefusal(mirror.finish({ epoch: 3n, nonce: "third", ...idle }), "STALE_TOKEN");
  });
});
