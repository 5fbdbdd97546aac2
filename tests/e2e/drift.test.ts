import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import { mirrored } from "../../src/package/convex.js";
import { readBothSides } from "./both-sides.js";
import { describeDrift, FLAGS, TABLE } from "./drift-suite.js";
import { localStack } from "./local-stack.js";
import { fillMirror, setUpScene } from "./scene.js";

describeDrift(localStack);

/** On the local deployment: the real backend of the other suites is deployed to once. */
describe("changes of the source's tables that need a deploy", () => {
  const scene = setUpScene(localStack, { scale: 0.01, prepare: (ready) => fillMirror(ready, [TABLE]) });
  const update = (set: string) =>
    scene.stack.sql.unsafe(
      `UPDATE ${TABLE} SET ${set} WHERE id = (SELECT min(id::text)::uuid FROM ${TABLE})`,
    );

  async function expectEqualSides(): Promise<void> {
    const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, TABLE);
    expect(sides.convex).toEqual(sides.postgres);
  }

  it("a column is added: it arrives by one deploy and no other command", async () => {
    await scene.stack.sql.unsafe(`ALTER TABLE ${TABLE} ADD COLUMN firmware text DEFAULT 'v1'`);
    for (const team of ["one", "two"]) {
      await update(`team = '${team}'`);
      const waiting = await scene.cli.run(["sync", ...FLAGS]);
      expect(waiting.code).toBe(3);
      expect(waiting.stdout).toContain("Add { firmware: mirrored(v.string()) } to the table");
      const shown = (await scene.stack.convex.documents(TABLE)).filter(
        (document) => document["team"] === team,
      );
      expect(shown).toHaveLength(1);
    }
    await scene.stack.deployFields!(TABLE, { firmware: mirrored(v.string()) });
    const arrived = await scene.cli.sync(FLAGS);
    expect(arrived).toMatchObject({ code: 0, report: { tables: [{ waiting: [], tracking: "intact" }] } });
    await expectEqualSides();
    await update("firmware = 'v2'");
    expect(await scene.cli.sync(FLAGS)).toMatchObject({ code: 0, report: { totals: { updated: 1 } } });
    await expectEqualSides();
  });

  it("a column is renamed: to apps it is another one", async () => {
    await scene.stack.sql.unsafe(`ALTER TABLE ${TABLE} RENAME firmware TO version`);
    const waiting = await scene.cli.run(["sync", ...FLAGS]);
    expect(waiting.code).toBe(3);
    expect(waiting.stdout).toContain("Add { version: mirrored(v.string()) } to the table");
    await scene.stack.deployFields!(TABLE, { version: mirrored(v.string()) });
    expect(await scene.cli.sync(FLAGS)).toMatchObject({ code: 0 });
    await expectEqualSides();
  });
});
