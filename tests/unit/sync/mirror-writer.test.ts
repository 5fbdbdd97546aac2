import { describe, expect, test } from "vitest";
import { planDocument } from "../../../src/encode/plan-document.js";
import { SyncError } from "../../../src/model/errors.js";
import type { SetAsideRow } from "../../../src/state/set-aside-rows.js";
import type { SourceRow, TableReader } from "../../../src/source/table-reader.js";
import { MirrorWriter } from "../../../src/sync/mirror-writer.js";
import type { RunContext } from "../../../src/sync/run-context.js";
import type { MirrorEffects } from "../../../src/sync/run-effects.js";
import { keys, TOKEN } from "../../support/batch-sender-fixture.js";
import { ModelConvex } from "../../support/model-convex.js";
import { pgType } from "../../support/pg-type.js";
import { VirtualClock } from "../../support/virtual-clock.js";

/** A text that no document takes. */
const BAD = "\uD800";

/** A writer of rows whose one column is given by their key, to a model of Convex. */
function startWriter(textOf: (key: string) => string = () => "a", setAsideBefore: string[] = []) {
  const clock = new VirtualClock();
  clock.random = () => 0;
  const convex = new ModelConvex(clock, { ...TOKEN });
  const setAside = new Map<string, SetAsideRow>();
  const forgotten: string[] = [];
  const effects = {
    findSetAside: (asked: readonly string[]) =>
      Promise.resolve(asked.filter((key) => setAsideBefore.includes(key))),
    setRowAside: (row: SetAsideRow) => Promise.resolve(void setAside.set(row.key, row)),
    forgetSetAside: (mended: readonly string[]) => Promise.resolve(void forgotten.push(...mended)),
  } as Partial<MirrorEffects> as MirrorEffects;
  const rowOf = (key: string): SourceRow => ({ key, hash: `hash of ${key}`, texts: [textOf(key)] });
  const reader = {
    sawOtherPartitions: false,
    rows: (asked: readonly string[]) => Promise.resolve({ rows: asked.map(rowOf), covered: asked.length }),
  } as Partial<TableReader> as TableReader;
  const context = {
    sink: convex.sink,
    clock,
    pacer: null,
    deadlineAt: Infinity,
    ensureLease: () => Promise.resolve(),
    settings: { maxInFlight: 2, pageRows: 50 },
    signal: new AbortController().signal,
  } as unknown as RunContext;
  const writer = new MirrorWriter(context, {
    reader,
    effects,
    token: TOKEN,
    indexes: [],
    hadSetAside: setAsideBefore.length > 0,
    plan: planDocument([{ name: "a", field: "a", type: pgType("text"), encoding: "default" }]),
  });
  const send = (count: number) => clock.run(writer.sendRows(keys(count)).then(() => writer.checkpoint()));
  return { clock, convex, writer, effects, setAside, forgotten, send };
}

const isOneIn = (share: number) => (key: string) => (Number(key.slice(1)) % share === 0 ? BAD : "a");

describe("rows that the encoder refuses", () => {
  test("are set aside with their column, and older versions of them are removed", async () => {
    const { convex, writer, setAside, send } = startWriter(isOneIn(3));
    convex.rows.set("k0", "an older version");
    await send(4);
    expect([...setAside.values()]).toMatchObject([
      { key: "k0", code: "INVALID_UNICODE", column: "a" },
      { key: "k3", code: "INVALID_UNICODE", column: "a" },
    ]);
    expect([...convex.rows.keys()]).toEqual(["k1", "k2"]);
    expect(writer.hasSetAside).toBe(true);
  });

  test("look systemic when they are all there is, and nothing is sent after that", async () => {
    const { convex, setAside, send } = startWriter(() => BAD);
    await expect(send(60)).rejects.toMatchObject({ code: "SYSTEMIC_REFUSAL", table: "poles" });
    expect(setAside.size).toBe(19);
    expect(convex.batches).toEqual([]);
  });

  test("are no sign of a new fault where an earlier run has set them aside", async () => {
    const { setAside, send } = startWriter(() => BAD, keys(60));
    await send(60);
    expect(setAside.size).toBe(60);
  });
});

describe("rows that Convex refuses", () => {
  test("look systemic when it accepts none", async () => {
    const { convex, setAside, send } = startWriter();
    convex.refusesHash = () => true;
    await expect(send(300)).rejects.toMatchObject({ code: "SYSTEMIC_REFUSAL" });
    expect(setAside.size).toBe(19);
  });

  test("do not where they are one in ten", async () => {
    const { convex, writer, setAside, send } = startWriter();
    convex.refusesHash = (hash) => hash.endsWith("7");
    await send(400);
    expect(setAside.size).toBe(40);
    expect(writer.counts).toMatchObject({ inserted: 360, refused: 40 });
  });

  test("and that could not be recorded end the run", async () => {
    const { convex, effects, send } = startWriter();
    const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
    effects.setRowAside = () => Promise.reject(failure);
    convex.refusesHash = () => true;
    await expect(send(1)).rejects.toBe(failure);
  });
});

test("rows that were set aside and are mirrored by now are forgotten at the checkpoint", async () => {
  const { forgotten, send } = startWriter(undefined, ["k1"]);
  await send(2);
  expect(forgotten.sort()).toEqual(["k0", "k1"]);
});

test("mended rows are written over an equal hash, and those that were gone are counted", async () => {
  const { clock, convex, writer, send } = startWriter();
  await send(2);
  convex.rows.delete("k1");
  await clock.run(writer.mendRows(["k0", "k1"]));
  expect(convex.batches.at(-1)).toMatchObject({ force: true });
  expect(writer.restored).toBe(1);
});

test("stopped, it waits for what is in flight", async () => {
  const { clock, convex, writer } = startWriter();
  const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
  await clock.run(writer.sendRows(keys(900)).then(() => writer.stop(failure)));
  expect(convex.inFlight).toBe(0);
  expect(convex.batches.length).toBeGreaterThan(0);
  await expect(writer.checkpoint()).rejects.toBe(failure);
});
