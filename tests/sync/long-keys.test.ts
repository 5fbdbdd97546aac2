import { describe, expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();
/** Hashes, which no index can compress: as many characters as the owner's index allows, and as ours did not. */
const LONG = "(SELECT substr(string_agg(md5(n::text), ''), 1, 2690) FROM generate_series(1, 90) n)";
const TOO_DEEP = "(repeat('[', 16) || repeat(']', 16))::jsonb";

describe("a key as long as the owner's index allows", () => {
  test("is deleted, also where the deletion is held back", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id text PRIMARY KEY, doc jsonb)" });
    await mirror.run(`INSERT INTO $t VALUES (${LONG}, '1'), ('short', '1')`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id <> 'short'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", deleted: 1 });
    await mirror.compare();
  });

  test("is set aside, and forgotten when it is gone", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id text PRIMARY KEY, doc jsonb)" });
    await mirror.run(`INSERT INTO $t VALUES (${LONG}, ${TOO_DEEP}), ('short', '1')`);
    expect(await mirror.sync()).toMatchObject({ rejected: 1 });
    await mirror.run("DELETE FROM $t WHERE id <> 'short'");
    expect(await mirror.sync()).toMatchObject({ rejected: 0 });
    await mirror.compare();
  });
});
