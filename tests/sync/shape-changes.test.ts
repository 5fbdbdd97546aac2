import { expect, test, vi } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

/** The version of the encoder that runs, which a test raises as an update of the program would. */
const encoder = vi.hoisted(() => ({ version: 1 }));
vi.mock("../../src/encode/type-table.js", async (load) => ({
  ...(await load<object>()),
  get ENCODER_VERSION() {
    return encoder.version;
  },
}));

const open = useMirrors();

/** Whatever shapes the documents besides the rows: when it changes, documents no longer say what rows do. */
test.each<[what: string, change: (mirror: MirrorFixture) => void, document: Record<string, unknown>]>([
  [
    "a column's encoding",
    (mirror) => (columnsOf(mirror)["n"] = { encoding: "int64" }),
    { id: 1, n: 1n, a: "1" },
  ],
  ["a column's field", (mirror) => (columnsOf(mirror)["a"] = { field: "b" }), { id: 1, n: 1, b: "1" }],
  ["the encoder's version", () => (encoder.version += 1), { id: 1, n: 1, a: "1" }],
])("%s changes: the next run compares everything, and only that one", async (_what, change, document) => {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, n int, a text)" });
  await mirror.run("INSERT INTO $t SELECT n, n, n FROM generate_series(1, 20) n");
  await mirror.sync();
  expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0 });
  change(mirror);
  expect(await mirror.sync()).toMatchObject({
    mode: "full",
    read: 20,
    updated: 20,
    notices: [{ code: "BECAME_FULL", message: expect.stringContaining("shape") as string }],
  });
  const [first] = mirror.documents().filter(({ id }) => id === 1);
  const { _id, ...fields } = first!;
  expect(fields).toEqual(document);
  expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0, notices: [] });
});

function columnsOf(mirror: MirrorFixture): MirrorFixture["config"]["mirrors"][number]["columns"] {
  return mirror.config.mirrors[0]!.columns;
}
