import { describe, expect, test } from "vitest";
import { NOTHING, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n, '2025-01-01' FROM generate_series(1, 50) n";

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL });
  await mirror.run(ROWS);
  await mirror.sync();
  return mirror;
}

describe("invariant 2: a transaction that is open while a run goes on", () => {
  test("complaint 1: arrives with the next run, alone", async () => {
    const mirror = await loaded();
    const writer = await mirror.sql.reserve();
    try {
      await writer.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'late' WHERE id = 1;
                           SAVEPOINT s; UPDATE ${mirror.table} SET a = 'late too' WHERE id = 2;
                           DELETE FROM ${mirror.table} WHERE id = 3; RELEASE s`);
      await mirror.run("UPDATE $t SET a = 'early' WHERE id = 10");
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
      expect(await mirror.sync()).toMatchObject(NOTHING);
      await writer.unsafe("COMMIT");
    } finally {
      writer.release();
    }
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 2, updated: 2, deleted: 1 });
    expect(await mirror.sync()).toMatchObject(NOTHING);
    await mirror.compare();
  });

  test("is found by a load that it overlapped", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    const writer = await mirror.sql.reserve();
    try {
      await writer.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'late' WHERE id = 1`);
      await mirror.sync();
      await writer.unsafe("COMMIT");
    } finally {
      writer.release();
    }
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    await mirror.compare();
  });

  test("and ends in a prepared transaction, arrives when that is committed", async () => {
    const mirror = await loaded();
    const name = `late_${mirror.table}`;
    await mirror.sql.begin(async (tx) => {
      await tx.unsafe(`UPDATE ${mirror.table} SET a = 'prepared' WHERE id = 1`);
      await tx.prepare(name);
    });
    expect(await mirror.sync()).toMatchObject(NOTHING);
    expect((await mirror.status()).horizon).toMatchObject({
      oldest: expect.stringContaining(name) as string,
    });
    await mirror.run(`COMMIT PREPARED '${name}'`);
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    await mirror.compare();
  });

  test("and is rolled back, leaves nothing", async () => {
    const mirror = await loaded();
    const writer = await mirror.sql.reserve();
    await writer.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'never' WHERE id = 1`);
    await mirror.sync();
    await writer.unsafe("ROLLBACK");
    writer.release();
    expect(await mirror.sync()).toMatchObject(NOTHING);
    await mirror.compare();
  });
});
