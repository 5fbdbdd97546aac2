import { describe, expect, it } from "vitest";
import {
  expectRefusal,
  FIRST_RUN,
  lastRun,
  NO_RUN_YET,
  refusalOf,
  row,
  startTestDeployment,
} from "./test-deployment.js";

const SECOND_RUN = { epoch: 2n, nonce: "second" } as const;

describe("beginRuns", () => {
  it("creates the state of a mirror at its first run", async () => {
    const mirror = startTestDeployment();
    expect(await mirror.begin()).toEqual({ rows: 0 });
    expect((await mirror.handshake()).state).toEqual({
      ...FIRST_RUN,
      lineage: "source",
      fence: 0n,
      running: true,
      ...NO_RUN_YET,
      rows: 0,
    });
  });

  it("keeps what the run before achieved, and answers with the rows", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.apply({ upserts: [row("a", "planted"), row("b", "planted")] });
    await mirror.finish();
    expect(await mirror.begin(SECOND_RUN)).toEqual({ rows: 2 });
    expect(await mirror.state()).toMatchObject({
      ...SECOND_RUN,
      fence: 0n,
      running: true,
      highWaterMark: "2025-10-31T08:15:00.000000Z",
      position: "100:110:104",
      rows: 2,
      lastRun: lastRun(),
    });
  });

  it("is a success when repeated, and leaves a fence that has moved on where it is", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.rotate(0n, 1n);
    expect(await mirror.begin()).toEqual({ rows: 0 });
    expect(await mirror.state()).toMatchObject({ fence: 1n, running: true });
  });

  it("refuses an epoch that is not above the mirror's", async () => {
    const mirror = startTestDeployment();
    await mirror.begin({ epoch: 7n });
    for (const epoch of [-1n, 6n, 7n]) {
      const data = await refusalOf(mirror.begin({ epoch, nonce: "another" }));
      expect(data).toMatchObject({ code: "EPOCH_BEHIND" });
    }
    expect(await mirror.state()).toMatchObject({ epoch: 7n, nonce: "first" });
  });

  it("refuses a repeat that arrives after the run ended", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.finish({ nextNonce: "first" });
    await expectRefusal(mirror.begin(), "EPOCH_BEHIND");
    expect(await mirror.state()).toMatchObject({ running: false });
  });

  it("refuses another lineage without takeOver, whatever its epoch", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await expectRefusal(mirror.begin({ lineage: "branch" }), "LINEAGE_MISMATCH");
    await expectRefusal(mirror.begin({ ...SECOND_RUN, lineage: "branch" }), "LINEAGE_MISMATCH");
    expect(await mirror.state()).toMatchObject({ lineage: "source", epoch: 1n });
  });

  it("forgets the other lineage's achievements on takeOver, not its rows", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.apply({ upserts: [row("a", "planted")] });
    await mirror.finish();
    await expectRefusal(mirror.begin({ lineage: "branch", takeOver: true }), "EPOCH_BEHIND");
    expect(await mirror.begin({ ...SECOND_RUN, lineage: "branch", takeOver: true })).toEqual({ rows: 1 });
    expect(await mirror.state()).toMatchObject({ lineage: "branch", ...SECOND_RUN, ...NO_RUN_YET, rows: 1 });
  });

  it("keeps everything on takeOver within one lineage", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.finish();
    await mirror.begin({ ...SECOND_RUN, takeOver: true });
    expect(await mirror.state()).toMatchObject({ position: "100:110:104", lastRun: lastRun() });
  });

  it("keeps mirrors apart", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.begin({ table: "sow_drops", epoch: 5n, nonce: "other" });
    await mirror.apply({ upserts: [row("a", "planted")] });
    expect((await mirror.handshake("sow_drops")).rows).toBe(0);
    expect(await mirror.handshake()).toMatchObject({ rows: 1, state: { epoch: 1n } });
  });
});

describe("rotateFence", () => {
  it("moves the fence, and only from where the caller says it is", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.rotate(0n, 1n);
    await mirror.rotate(0n, 1n); // the repeat of a call whose answer was lost
    expect(await mirror.state()).toMatchObject({ fence: 1n });
    await mirror.rotate(1n, 2n);
    await expectRefusal(mirror.rotate(0n, 1n), "STALE_TOKEN"); // a late duplicate
    await expectRefusal(mirror.rotate(1n, 3n), "STALE_TOKEN");
    expect(await mirror.state()).toMatchObject({ fence: 2n });
  });

  it("never moves the fence back", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.rotate(0n, 5n);
    await expectRefusal(mirror.rotate(5n, 5n), "BAD_REQUEST");
    await expectRefusal(mirror.rotate(5n, 4n), "BAD_REQUEST");
  });

  it("refuses another run's token, and a mirror that never ran", async () => {
    const mirror = startTestDeployment();
    await expectRefusal(mirror.rotate(0n, 1n), "STALE_TOKEN");
    await mirror.begin(SECOND_RUN);
    await expectRefusal(mirror.rotate(0n, 1n), "STALE_TOKEN");
    await mirror.rotate(0n, 1n, SECOND_RUN);
    await expectRefusal(mirror.rotate(0n, 1n, { ...SECOND_RUN, nonce: "first" }), "STALE_TOKEN");
    await mirror.finish({ ...SECOND_RUN, fence: 1n });
    await expectRefusal(mirror.rotate(1n, 2n, SECOND_RUN), "STALE_TOKEN");
  });
});

describe("finishRuns", () => {
  it("ends the run under its next nonce", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.apply({ upserts: [row("a", "planted")] });
    expect(await mirror.finish()).toEqual({ rows: 1 });
    expect(await mirror.state()).toMatchObject({
      epoch: 1n,
      nonce: "ended",
      running: false,
      highWaterMark: "2025-10-31T08:15:00.000000Z",
      position: "100:110:104",
      rows: 1,
      lastRun: lastRun(),
    });
  });

  it("is a success when repeated, and changes nothing then", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.finish();
    expect(await mirror.finish({ position: "later" })).toEqual({ rows: 0 });
    expect(await mirror.state()).toMatchObject({ position: "100:110:104" });
  });

  it("refuses the end of a run that is not the mirror's", async () => {
    const mirror = startTestDeployment();
    await expectRefusal(mirror.finish(), "STALE_TOKEN");
    await mirror.begin();
    await expectRefusal(mirror.finish({ nonce: "other" }), "STALE_TOKEN");
    await expectRefusal(mirror.finish({ fence: 1n }), "STALE_TOKEN");
    await mirror.finish();
    await expectRefusal(mirror.finish({ nextNonce: "another end" }), "STALE_TOKEN");
    // A late repeat of the end must not end the run that has begun since.
    await mirror.begin(SECOND_RUN);
    await expectRefusal(mirror.finish(), "STALE_TOKEN");
    expect(await mirror.state()).toMatchObject({ running: true });
  });
});

describe("invariant 5: a batch needs exactly the mirror's token", () => {
  const write = { upserts: [row("a", "planted")] };

  it("refuses a batch before any run", async () => {
    const mirror = startTestDeployment();
    await expectRefusal(mirror.apply(write), "STALE_TOKEN");
    expect(await mirror.documents()).toEqual([]);
  });

  it.each([
    ["a lower epoch", { epoch: 0n }],
    ["a higher epoch", { epoch: 2n }],
    ["another nonce", { nonce: "other" }],
    ["a fence ahead", { fence: 1n }],
  ])("refuses %s", async (_case, wrong) => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await expectRefusal(mirror.apply({ ...write, ...wrong }), "STALE_TOKEN");
    expect(await mirror.documents()).toEqual([]);
  });

  it("refuses the run before, once another has begun", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.begin(SECOND_RUN);
    await expectRefusal(mirror.apply(write), "STALE_TOKEN");
    expect(await mirror.apply({ ...write, ...SECOND_RUN })).toMatchObject({ inserted: 1 });
  });

  it("refuses a late duplicate of a call from before the fence moved", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.rotate(0n, 1n);
    await expectRefusal(mirror.apply(write), "STALE_TOKEN");
    expect(await mirror.apply({ ...write, fence: 1n })).toMatchObject({ inserted: 1 });
  });

  it("refuses a batch after the end, even under a nonce that did not change", async () => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await mirror.finish({ nextNonce: "first" });
    await expectRefusal(mirror.apply(write), "STALE_TOKEN");
  });
});
