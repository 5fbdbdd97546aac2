import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../../support/config-folder.js";

let folder: ConfigFolder;
beforeEach(() => {
  folder = makeConfigFolder();
});

describe("the settings", () => {
  const settings = async (environment: Record<string, string>) =>
    (await folder.load({ environment: { ...COMPLETE, ...environment } })).config.settings;

  it("have defaults", async () => {
    expect(await settings({})).toEqual({
      leaseSeconds: 90,
      maxInFlight: 4,
      parallel: 1,
      pageBytes: 4_194_304,
      pageRows: 500,
      pageKeys: 2_000,
      pageHashes: 4_000,
      writeBytesPerSecond: 3.4 * 1024 * 1024,
      callTimeoutMs: 60_000,
      runDeadlineMs: 3 * 60 * 60 * 1000,
      logDir: join(folder.cwd, "logs"),
      logLevel: "info",
      waitFor: null,
      metricsFile: null,
      alerts: {
        pings: { start: null, success: null, failure: null },
        webhook: null,
        webhookWhen: "changes",
      },
    });
  });

  it("limit the write rate in Convex's cloud only, unless told", async () => {
    expect((await settings({ CONVEX_URL: "http://127.0.0.1:3210" })).writeBytesPerSecond).toBe(Infinity);
    expect((await settings({ DATAHUB_SYNC_WRITE_MIB_PER_SECOND: "7.5" })).writeBytesPerSecond).toBe(
      7.5 * 1024 * 1024,
    );
    expect((await settings({ DATAHUB_SYNC_WRITE_MIB_PER_SECOND: "unlimited" })).writeBytesPerSecond).toBe(
      Infinity,
    );
  });

  it.each([
    ["DATAHUB_SYNC_LEASE_SECONDS", "0", "must be a whole number from 1 to 3600"],
    ["DATAHUB_SYNC_LEASE_SECONDS", "1.5", "must be a whole number from 1 to 3600"],
    ["DATAHUB_SYNC_MAX_IN_FLIGHT", "257", "must be a whole number from 1 to 256"],
    ["DATAHUB_SYNC_PAGE_ROWS", "-1", "must be a whole number from 1 to 10000"],
    ["DATAHUB_SYNC_PAGE_ROWS", "9".repeat(16), "must be a whole number from 1 to 10000"],
    ["DATAHUB_SYNC_WRITE_MIB_PER_SECOND", "0", 'must be a number above 0 and at most 10000, or "unlimited"'],
    [
      "DATAHUB_SYNC_WRITE_MIB_PER_SECOND",
      "fast",
      'must be a number above 0 and at most 10000, or "unlimited"',
    ],
    ["DATAHUB_SYNC_LOG_LEVEL", "loud", "must be one of error, warn, info, debug"],
  ])("refuse %s=%s", async (variable, value, reason) => {
    const error = await folder.failure({ environment: { ...COMPLETE, [variable]: value } });
    expect(error.message).toBe(`${variable} (from the environment) ${reason}.`);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 2 });
  });

  it("name a refused flag as the flag", async () => {
    const error = await folder.failure({ flags: { maxInFlight: "many" } });
    expect(error.message).toBe("--max-in-flight must be a whole number from 1 to 256.");
    expect(error.remedy).toBe("Leave it out for the default: 4.");
    expect(error).toMatchObject({ code: "USAGE", exitCode: 2 });
  });
});
