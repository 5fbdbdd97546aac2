import { getDocumentSize } from "convex/values";
import { expect, it } from "vitest";
import { PLANS } from "../../local/convex/limits.js";
import { createDeployment } from "./local-fixture.js";

// By hand from the backend's source; see src/model/write-size.ts.
const DOCUMENT = 8 + 33;
const PREVIOUS = 8;
const LIVE = 8 + 16 + 33;
const TOMBSTONE = 8 + 16;
const ID = 1 + 32 + 1;
const TIME = 1 + 8;
const BY_ID = ID;
const BY_CREATION_TIME = TIME + ID;
/** A key of 5 characters, and with it a rank that is a number. */
const BY_KEY = 1 + 5 + 1 + TIME + ID;
const BY_RANK_AND_KEY = 1 + 8 + BY_KEY;

const note = { key: "five!", rank: 7, tags: ["a tag"] };
const size = getDocumentSize(note);

async function logged(...calls: [name: string, args: Record<string, never>][]): Promise<number> {
  const deployment = createDeployment({ plan: PLANS.s256 });
  const written = () => deployment.throughput()!.bytesWritten;
  let last = 0;
  for (const [name, args] of calls) {
    last = written();
    await deployment.runMutation(`notes:${name}`, args);
  }
  return written() - last;
}

const call = (name: string, args: object): [string, Record<string, never>] => [
  name,
  args as Record<string, never>,
];
const add = call("add", { note });

it("an insertion: the document's entry, and one in every index", async () => {
  expect(await logged(add)).toBe(
    DOCUMENT + size + 4 * LIVE + BY_ID + BY_CREATION_TIME + BY_KEY + BY_RANK_AND_KEY,
  );
});

it("an update writes every entry again, and marks keys that are no longer", async () => {
  const change = { key: "five!", patch: { rank: null }, remove: [] };
  expect(await logged(add, call("patchByKey", change))).toBe(
    DOCUMENT +
      getDocumentSize({ ...note, rank: null }) +
      PREVIOUS +
      (4 * LIVE + BY_ID + BY_CREATION_TIME + BY_KEY + 1 + BY_KEY) +
      (TOMBSTONE + BY_RANK_AND_KEY),
  );
});

it("a deletion marks every key", async () => {
  expect(await logged(add, call("removeByKey", { key: "five!" }))).toBe(
    DOCUMENT + PREVIOUS + 4 * TOMBSTONE + BY_ID + BY_CREATION_TIME + BY_KEY + BY_RANK_AND_KEY,
  );
});

it("what changes nothing is not written", async () => {
  expect(await logged(add, call("patchByKey", { key: "five!", patch: { rank: 7 }, remove: [] }))).toBe(0);
});

it.each([
  ["absent", {}, 1],
  ["null", { rank: null }, 1],
  ["text of two bytes a character, and a byte 0", { rank: "é\0" }, 1 + 3 + 1 + 1],
  ["0n", { rank: 0n }, 1],
  ["a small integer", { rank: -128n }, 2],
  ["a larger one", { rank: 128n }, 3],
  ["one of four bytes", { rank: 1n << 31n }, 9],
  ["the least", { rank: -(1n << 63n) }, 9],
])("a key as Convex stores it: %s", async (_, rank, bytes) => {
  const other = { key: "five!", ...rank };
  expect(await logged(call("add", { note: other }))).toBe(
    DOCUMENT + getDocumentSize(other) + 4 * LIVE + BY_ID + BY_CREATION_TIME + BY_KEY + bytes + BY_KEY,
  );
});
