import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createMirrorDeployment } from "../../local/convex/mirror-deployment.js";
import { serveLocalDeployment } from "../../local/convex/serve.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { createTestDatabase } from "../support/postgres.js";
import { PostgresGate } from "../support/postgres-gate.js";
import { startReceiver } from "../support/receiver.js";
import { CliProcess } from "./cli-process.js";

const SYNC_KEY = "the-sync-key-of-this-test-which-is-long";

test("cron's own line tells of a database that has stopped, once, and of its return; and the journal is quiet", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await createSourceTables(database.sql);
  await fillSourceTables(database.sql, { seed: 1, scale: 0.005 });
  const gate = await PostgresGate.open(database.url);
  onTestFinished(async () => {
    gate.cut();
    if (gate.listening) await gate.shut();
  });
  const served = await serveLocalDeployment(createMirrorDeployment({ syncKey: SYNC_KEY }));
  onTestFinished(() => served.close());
  const { url, received, take } = await startReceiver();
  const cli = await CliProcess.create();
  onTestFinished(() => cli.remove());
  const variables = {
    ...{ DATABASE_URL: gate.url, CONVEX_URL: served.url, CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
    ...{ DATAHUB_SYNC_PING_URL: `${url}/ping/of-nobody-else`, DATAHUB_SYNC_WEBHOOK_URL: `${url}/hook` },
    DATAHUB_SYNC_METRICS_FILE: "sync.prom",
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(cli.folder, ".env"), lines.join(""), { mode: 0o600 });
  expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });

  const schedule = await cli.run(["cron", "--every", "1h"]);
  const line = schedule.stdout.split("\n").find((each) => each.startsWith("15 * * * *"))!;
  const log = join(cli.folder, "logs/cron-sync-convex.log");
  /** What cron does at the time of the line, in its narrow surroundings. @returns what it has added to the log */
  const tick = async () => {
    const before = await readFile(log, "utf8").catch(() => "");
    const code = await new Promise<number>((resolve) => {
      const options = { env: { PATH: "/usr/bin:/bin", HOME: "/" } };
      execFile("/bin/sh", ["-c", line.replace(/^(\S+ ){5}/, "")], options, (error) =>
        resolve(error === null ? 0 : Number(error.code)),
      );
    });
    return { code, added: (await readFile(log, "utf8")).slice(before.length), told: take() };
  };
  const start = "GET /ping/of-nobody-else/start";
  const [success, failure] = ["POST /ping/of-nobody-else", "POST /ping/of-nobody-else/fail"];

  expect(await tick()).toMatchObject({ code: 0, told: [start, success] });
  const idle = await tick();
  expect(idle).toMatchObject({ code: 0, told: [start, success] });
  expect(idle.added).toMatch(/^\S+Z info {2}\S+: Delta run .*; nothing to do\.\n$/);

  await gate.shut();
  const failed = await tick();
  expect(failed.code).toBe(1);
  expect(failed.told.sort()).toEqual([start, "POST /hook", failure].sort());
  expect(failed.added.split("\n")).toEqual([
    expect.stringMatching(/Z error: Postgres could not be reached/) as string,
    expect.stringMatching(/^ {2}what to do: /) as string,
    "  (DATABASE_UNREACHABLE, exit code 1)",
    "",
  ]);
  const metrics = await readFile(join(cli.folder, "sync.prom"), "utf8");
  expect(metrics).toMatch(/^datahub_sync_last_run_exit_code\{deployment="127\.0\.0\.1"\} 1$/m);
  expect(metrics).toMatch(/^datahub_sync_watermark_timestamp_seconds\{table="sow_poles",/m);
  // It is no news at the next interval.
  expect(await tick()).toMatchObject({ code: 1, told: [start, failure] });

  await gate.reopen();
  await database.sql`UPDATE sow_poles SET status = 'back' WHERE id IN (SELECT id FROM sow_poles LIMIT 3)`;
  received.length = 0;
  const again = await tick();
  expect(again.code).toBe(0);
  expect(again.told.sort()).toEqual([start, "POST /hook", success].sort());
  expect(again.added).toMatch(
    /^\S+Z info .*Delta run .*\ntable .*\nsow_poles +3 +0 +3 .*\n6 more .*nothing to do\n/,
  );

  expect(await tick()).toMatchObject({ code: 0, told: [start, success] });
  const all = (await readFile(log, "utf8")) + (await cli.readLogs());
  for (const secret of ["of-nobody-else", SYNC_KEY, new URL(database.url).password])
    expect(all.includes(secret)).toBe(false);
}, 120_000);
