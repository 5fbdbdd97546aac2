import { readFileSync } from "node:fs";
import { join } from "node:path";
import parsePrometheus from "parse-prometheus-text-format";
import { describe, expect, test } from "vitest";
import { Alerts } from "../../../src/alerts/alerts.js";
import { send } from "../../../src/alerts/send.js";
import { Secret } from "../../../src/model/secret.js";
import { EXIT, SyncError, type ExitCode } from "../../../src/model/errors.js";
import { systemClock } from "../../../src/model/clock.js";
import { ENVIRONMENT, startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { startReceiver } from "../../support/receiver.js";
import { RUN, TABLE } from "../../support/sample-reports.js";

/** Waits are over at once. */
const hasty = { ...systemClock, sleep: () => Promise.resolve() };

const down = new SyncError({
  code: "DATABASE_UNREACHABLE",
  message: "Postgres could not be reached.",
  remedy: "Is it up?",
});

const held = new SyncError({
  code: "LEASE_HELD",
  message: "Another run is going on.",
  remedy: "Let it end.",
});

function ends(cli: FakeCli, ...exits: (ExitCode | SyncError)[]): void {
  for (const exit of exits)
    cli.commands.sync.mockImplementationOnce(() =>
      exit instanceof SyncError
        ? Promise.reject(exit)
        : Promise.resolve({ ...RUN, ok: exit === EXIT.done, exitCode: exit, tables: [TABLE] }),
    );
}

describe("pings and webhook", () => {
  test("tell of each start and end by the convention, and people of what changed", async () => {
    const { url, received, take } = await startReceiver();
    const cli = startFakeCli();
    const environment = {
      ...ENVIRONMENT,
      DATAHUB_SYNC_PING_URL: `${url}/ping/a-secret?rid=1`,
      DATAHUB_SYNC_WEBHOOK_URL: `${url}/hook`,
    };
    const start = "GET /ping/a-secret/start?rid=1";
    const [success, failure, hook] = [
      "POST /ping/a-secret?rid=1",
      "POST /ping/a-secret/fail?rid=1",
      "POST /hook",
    ];
    const expected: [ExitCode | SyncError, string[]][] = [
      [EXIT.done, [start, success]],
      [down, [start, failure, hook]],
      [down, [start, failure]],
      [held, [start]],
      // What another run works on is for that one to tell; the rest is done.
      [EXIT.leaseHeld, [start, success, hook]],
      [EXIT.failed, [start, failure, hook]],
      [EXIT.done, [start, success, hook]],
      [EXIT.deletionsHeldBack, [start, failure, hook]],
      [EXIT.deletionsHeldBack, [start, failure]],
      [EXIT.incomplete, [start, failure, hook]],
      [EXIT.done, [start, success, hook]],
      [EXIT.done, [start, success]],
    ];
    for (const [exit, calls] of expected) {
      ends(cli, exit);
      const { exitCode, err, out } = await cli.run("sync", { environment });
      expect(exitCode).toBe(exit instanceof SyncError ? exit.exitCode : exit);
      expect(`${out}${err}`).not.toContain("a-secret");
      expect(take().sort()).toEqual([...calls].sort());
    }
    expect(cli.logText()).not.toContain("a-secret");

    ends(cli, down, EXIT.done);
    await cli.run("sync", { environment });
    const hooked = received.find(({ path }) => path === "/hook")!;
    expect(JSON.parse(hooked.body)).toMatchObject({
      event: "failed",
      exitCode: 1,
      text: expect.stringContaining("failed. Postgres could not be reached. Is it up?") as unknown,
      error: { code: "DATABASE_UNREACHABLE" },
      report: null,
    });
    expect(received.find(({ path }) => path.includes("/fail"))!.body).toBe(
      "Postgres could not be reached. Is it up?",
    );
    received.length = 0;
    await cli.run("sync", { environment });
    expect(JSON.parse(received.find(({ path }) => path === "/hook")!.body)).toMatchObject({
      event: "recovered",
      report: { runId: RUN.runId, tables: [{ table: TABLE.table }] },
    });
  });

  test("are told always where that is asked for, and elsewhere where an address says so", async () => {
    const { url, take } = await startReceiver();
    const cli = startFakeCli();
    const environment = {
      ...ENVIRONMENT,
      DATAHUB_SYNC_PING_FAIL_URL: `${url}/kuma?status=down`,
      DATAHUB_SYNC_WEBHOOK_URL: `${url}/hook`,
      DATAHUB_SYNC_WEBHOOK_WHEN: "always",
    };
    ends(cli, EXIT.done, down, down);
    for (const calls of [["POST /hook"], ["POST /hook", "POST /kuma?status=down"]]) {
      await cli.run("sync", { environment });
      expect(take().sort()).toEqual(calls);
    }
    const none = {
      ...environment,
      DATAHUB_SYNC_PING_URL: `${url}/ping`,
      DATAHUB_SYNC_PING_START_URL: "none",
    };
    await cli.run("sync", { environment: none });
    expect(take().sort()).toEqual(["POST /hook", "POST /kuma?status=down"]);
  });

  test("a receiver that does not listen fails no run, and its address is not shown", async () => {
    const cli = startFakeCli();
    const { url } = await startReceiver({ "/gone": 404 });
    ends(cli, EXIT.done);
    const environment = {
      ...ENVIRONMENT,
      DATAHUB_SYNC_WEBHOOK_URL: `${url}/gone`,
      DATAHUB_SYNC_WEBHOOK_WHEN: "always",
    };
    const { exitCode, err } = await cli.run("sync", { environment });
    expect(exitCode).toBe(0);
    expect(err).toContain("The webhook was not delivered: it answered 404.");
    expect(err).not.toContain("/gone");
  });

  test.each([
    ["no address", "DATAHUB_SYNC_PING_URL", "hc-ping.com/secret"],
    ["another scheme", "DATAHUB_SYNC_WEBHOOK_URL", "ftp://secret"],
  ])("%s is a mistake that is named without it", async (_, name, value) => {
    const { exitCode, err } = await startFakeCli().run("sync", {
      environment: { ...ENVIRONMENT, [name]: value },
    });
    expect(exitCode).toBe(2);
    expect(err).toContain(`${name} (from the environment) must be an address that begins with https://`);
    expect(err).not.toContain("secret");
  });
});

describe("a receiver", () => {
  const deliver = async (answers: Parameters<typeof startReceiver>[0], timeoutMs = 5_000) => {
    const { url, received } = await startReceiver(answers);
    const delivery = await send({ url: new Secret(`${url}/a`), body: { n: 1 } }, hasty, timeoutMs);
    return { delivery, received };
  };

  test("that takes it is told once", async () => {
    const { delivery, received } = await deliver({});
    expect(delivery).toEqual({ ok: true, status: 200 });
    expect(received).toEqual([{ method: "POST", path: "/a", body: '{"n":1}' }]);
  });

  test("that is not well is told once more, one that refuses is not", async () => {
    expect((await deliver({ "/a": [503, 204] })).delivery).toEqual({ ok: true, status: 204 });
    const ill = await deliver({ "/a": 500 });
    expect(ill).toMatchObject({ delivery: { ok: false, reason: "it answered 500" } });
    expect(ill.received).toHaveLength(2);
    const refusing = await deliver({ "/a": 401 });
    expect(refusing).toMatchObject({ delivery: { ok: false, reason: "it answered 401" } });
    expect(refusing.received).toHaveLength(1);
  });

  test("that has moved is followed", async () => {
    const { delivery, received } = await deliver({
      "/a": (response) => response.writeHead(307, { location: "/b" }).end(),
    });
    expect(delivery).toEqual({ ok: true, status: 200 });
    expect(received.at(-1)).toEqual({ method: "POST", path: "/b", body: '{"n":1}' });
  });

  test("that sends us in a circle, hangs up or says nothing is given up, without its address", async () => {
    const circle = await deliver({ "/a": (response) => response.writeHead(307, { location: "/a" }).end() });
    const hangUp = await deliver({ "/a": (_, request) => request.socket.destroy() });
    const silent = await deliver({ "/a": () => {} }, 100);
    for (const [{ delivery }, reason] of [
      [circle, /^it could not be reached \(\w+\)$/],
      [hangUp, /^it could not be reached \(\w+\)$/],
      [silent, /^it did not answer within 0.1 s$/],
    ] as const) {
      expect(delivery.ok).toBe(false);
      expect((delivery as { reason: string }).reason).toMatch(reason);
    }
    const gone = await send({ url: new Secret("http://127.0.0.1:1/a"), body: null }, hasty);
    expect(gone).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^it could not be reached/) as unknown,
    });
  });

  test("that says nothing holds a run up for its time and no longer", async () => {
    const { url } = await startReceiver({ "/ping/start": () => {}, "/ping": () => {} });
    const undelivered: string[] = [];
    const secret = (path: string) => new Secret(`${url}${path}`);
    const alerts = new Alerts({
      config: {
        pings: { start: secret("/ping/start"), success: secret("/ping"), failure: null },
        webhook: null,
        webhookWhen: "changes",
      },
      clock: hasty,
      timeoutMs: 50,
      undelivered: (receiver) => undelivered.push(receiver),
    });
    alerts.started();
    await alerts.ended({ exitCode: 0, report: null, error: null, text: "", deployment: "d" }, null);
    expect(undelivered).toEqual(["start ping", "success ping"]);
  });
});

describe("notify --test", () => {
  test("says what each receiver has answered", async () => {
    const { url, take } = await startReceiver({ "/hook": 403 });
    const cli = startFakeCli();
    const environment = {
      ...ENVIRONMENT,
      DATAHUB_SYNC_PING_URL: `${url}/ping`,
      DATAHUB_SYNC_WEBHOOK_URL: `${url}/hook`,
    };
    const { exitCode, out } = await cli.run("notify --test", { environment });
    expect(exitCode).toBe(1);
    expect(out).toBe(
      [
        "start ping    delivered (200)",
        "success ping  delivered (200)",
        "webhook       not delivered: it answered 403",
        "",
        "Look at the addresses in the variables named DATAHUB_SYNC_…",
        "",
      ].join("\n"),
    );
    expect(take()).toEqual(["GET /ping/start", "POST /ping", "POST /hook"]);
    const alarm = await cli.run("notify --test --failure --json", { environment });
    expect(JSON.parse(alarm.out)).toMatchObject({
      ok: false,
      receivers: [{}, { receiver: "failure ping", ok: true }, {}],
    });
    expect(take()).toEqual(["GET /ping/start", "POST /ping/fail", "POST /hook"]);
  });

  test("without anybody to tell, or without --test, says what to do", async () => {
    const nobody = await startFakeCli().run("notify --test");
    expect(nobody).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("DATAHUB_SYNC_PING_URL") as unknown,
    });
    expect(await startFakeCli().run("notify")).toMatchObject({ exitCode: 2 });
  });
});

describe("--metrics", () => {
  const readMetrics = (file: string) =>
    Object.fromEntries(
      parsePrometheus(readFileSync(file, "utf8")).map((family) => [family.name, family.metrics]),
    );

  test("writes what Prometheus reads, and keeps what it knew of a run that failed", async () => {
    const cli = startFakeCli();
    const file = join(cli.cwd, "sync.prom");
    ends(cli, EXIT.done, down);
    await cli.run("sync --metrics sync.prom");
    const first = readMetrics(file);
    const labels = { deployment: "127.0.0.1" };
    expect(first["datahub_sync_last_run_exit_code"]).toEqual([{ value: "0", labels }]);
    expect(first["datahub_sync_last_run_rows"]).toContainEqual({
      value: String(TABLE.inserted),
      labels: { ...labels, table: TABLE.table, result: "inserted" },
    });
    const watermark = [
      { value: String(Date.parse(TABLE.watermark.at!) / 1000), labels: { ...labels, table: TABLE.table } },
    ];
    expect(first["datahub_sync_watermark_timestamp_seconds"]).toEqual(watermark);

    await cli.run("sync --metrics sync.prom");
    const failed = readMetrics(file);
    expect(failed["datahub_sync_last_run_exit_code"]).toEqual([{ value: "1", labels }]);
    expect(failed["datahub_sync_watermark_timestamp_seconds"]).toEqual(watermark);
    expect(failed["datahub_sync_last_success_timestamp_seconds"]).toEqual(
      first["datahub_sync_last_run_timestamp_seconds"],
    );
  });

  test("where they cannot be written, the run goes on and says so", async () => {
    const cli = startFakeCli();
    ends(cli, EXIT.done);
    const { exitCode, err } = await cli.run("sync --metrics nowhere/sync.prom");
    expect(exitCode).toBe(0);
    expect(err).toContain("The metrics could not be written (ENOENT).");
  });
});
