import { ConvexError } from "convex/values";
import { expect, test } from "vitest";
import { guardMirrors } from "../../src/package/convex.js";
import { defaultMirrorTables } from "../../convex/defaultMirrorTables.js";
import { startTestDeployment } from "./test-deployment.js";

const guard = guardMirrors({ tables: defaultMirrorTables });
/** Convex's types keep `db.table` to themselves, but it is there. */
const tableOf = (db: unknown, name: string) =>
  (
    db as {
      table(
        name: string,
      ): Record<"insert" | "patch" | "replace" | "delete" | "get", (...args: unknown[]) => Promise<unknown>>;
    }
  ).table(name);

const REFUSED = { code: "MIRRORED_TABLE", table: "sow_poles" };

test("writes to mirrored tables are refused, with the table's name; all else goes through and reads nothing more", async () => {
  const { t } = startTestDeployment();
  await t.run(async (ctx) => {
    const pole = await ctx.db.insert("sow_poles", { status: "mirrored" });
    const own = await ctx.db.insert("datahubSyncCounts", { table: "own", slot: 0, rows: 1 });
    const { ctx: guarded } = await guard.input(ctx, {}, {});
    const { db } = guarded as unknown as typeof ctx;

    const writes: (() => Promise<unknown>)[] = [
      () => db.insert("sow_poles", { status: "by the app" }),
      () => db.patch(pole, { status: "by the app" }),
      () => db.patch("sow_poles", pole, { status: "by the app" }),
      () => db.replace(pole, { status: "by the app" }),
      () => db.delete(pole),
      () => db.delete("sow_poles", pole),
      () => tableOf(db, "sow_poles").insert({ status: "by the app" }),
      () => tableOf(db, "sow_poles").patch(pole, { status: "by the app" }),
      () => tableOf(db, "sow_poles").replace(pole, { status: "by the app" }),
      () => tableOf(db, "sow_poles").delete(pole),
    ];
    for (const write of writes) {
      const error = await Promise.resolve()
        .then(write)
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ConvexError);
      expect((error as ConvexError<typeof REFUSED>).data).toMatchObject(REFUSED);
    }
    expect(await db.get(pole)).toMatchObject({ status: "mirrored" });
    expect(await db.query("sow_poles").collect()).toHaveLength(1);

    expect(await tableOf(db, "sow_poles").get(pole)).toMatchObject({ status: "mirrored" });

    await db.patch(own, { rows: 2 });
    expect(await db.get(own)).toMatchObject({ rows: 2 });
    await db.delete(own);
    await tableOf(db, "datahubSyncCounts").insert({ table: "own", slot: 1, rows: 3 });
  });
});
