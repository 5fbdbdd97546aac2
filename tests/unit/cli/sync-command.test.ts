import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import { ENVIRONMENT, startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { fakeIo } from "../../support/fake-io.js";
import { RUN } from "../../support/sample-reports.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

describe("sync", () => {
  it.each([
    ["sync", { mode: "delta", allowDeletes: [], takeOver: false }],
    ["sync --full", { mode: "full" }],
    ["sync --full --deep", { mode: "deep" }],
    ["sync --deep", { mode: "deep" }],
    ["sync --take-over", { takeOver: true }],
    [
      "sync --allow-deletes sow_poles --allow-deletes sow_drops",
      { allowDeletes: ["sow_poles", "sow_drops"] },
    ],
    ["sync --allow-deletes sow_drops public.sow_poles", { allowDeletes: ["sow_poles", "sow_drops"] }],
  ])("%s", async (line, expected) => {
    expect((await cli.run(line)).exitCode).toBe(0);
    expect(cli.commands.sync.mock.lastCall![0]).toMatchObject(expected);
  });

  it("hands on the tables and settings of flags, file and environment", async () => {
    writeFileSync(join(cli.cwd, "demo.env"), "DATAHUB_SYNC_PAGE_ROWS=7\nDATAHUB_SYNC_LEASE_SECONDS=8\n");
    writeFileSync(
      join(cli.cwd, "sync.json"),
      '{"tables": [{"relation": "a"}, {"relation": "b"}, {"relation": "c"}]}',
    );
    await cli.run(
      "sync --env-file demo.env --config sync.json -t c a --lease-seconds 9 --write-mib-per-second unlimited",
    );
    const { config } = cli.commands.sync.mock.lastCall![0];
    expect(config.mirrors.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(config.settings).toMatchObject({ pageRows: 7, leaseSeconds: 9, writeBytesPerSecond: Infinity });
  });

  it.each(Object.entries(EXIT))("exits as the report says: %s", async (_, exitCode) => {
    cli.commands.sync.mockResolvedValue({ ...RUN, exitCode, ok: exitCode === 0 });
    expect((await cli.run("sync")).exitCode).toBe(exitCode);
  });

  it("hands on the signal", async () => {
    const io = fakeIo({ cwd: cli.cwd, environment: ENVIRONMENT });
    cli.commands.sync.mockImplementation(({ signal }) => {
      io.abort.abort(
        new SyncError({
          code: "INTERRUPTED",
          message: "The run was stopped by SIGTERM.",
          remedy: "Nothing is lost.",
        }),
      );
      return Promise.reject(signal.reason as Error);
    });
    const { exitCode, err } = await cli.run("sync", { io });
    expect(exitCode).toBe(1);
    expect(err).toContain("error: The run was stopped by SIGTERM.");
  });
});
