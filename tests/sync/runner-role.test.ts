import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";
import { asRunner } from "../support/runner-role.js";

const open = useMirrors();

test("a role that may read the table and was granted the rest runs everything but migrate", async () => {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
  await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n");
  const { runner, role } = await asRunner(mirror);
  const refused = await runner.runSync().catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: "PERMISSION_DENIED",
    remedy: expect.stringContaining("grant_runner") as string,
  });

  await mirror.run(`SELECT datahub_sync.grant_runner('${role}')`);
  expect(await runner.sync()).toMatchObject({ inserted: 30 });
  await mirror.run("UPDATE $t SET a = 'b' WHERE id < 3; DELETE FROM $t WHERE id = 9");
  expect(await runner.sync()).toMatchObject({ updated: 2, deleted: 1 });
  expect(await runner.sync("deep")).toMatchObject({ updated: 0, deleted: 0 });
  expect((await runner.status()).tables).toMatchObject([
    { rowsInPostgres: 29, rowsInMirror: 29, problem: null },
  ]);
  await mirror.compare();
});

test("row-level security: rows that the role does not see are not taken for deleted ones", async () => {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
  await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 9) n");
  const { runner, role } = await asRunner(mirror);
  await mirror.run(`SELECT datahub_sync.grant_runner('${role}')`);
  await runner.sync();

  await mirror.run("ALTER TABLE $t ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON $t USING (id > 2)");
  for (const mode of ["delta", "full"] as const) {
    const { ok, tables } = await runner.runSync(mode);
    expect(ok).toBe(false);
    expect(tables[0]!.error).toMatchObject({ code: "PERMISSION_DENIED" });
  }
  expect(mirror.documents()).toHaveLength(9);

  await mirror.run(`ALTER ROLE ${role} BYPASSRLS`);
  expect(await runner.sync("full")).toMatchObject({ deleted: 0 });
  await mirror.compare();
});
