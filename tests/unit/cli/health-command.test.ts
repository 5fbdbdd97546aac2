import { beforeEach, expect, it } from "vitest";
import { startFakeCli, type FakeCli } from "../../support/fake-cli.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

it("is one line", async () => {
  expect(await cli.run("health")).toEqual({
    exitCode: 0,
    out: "fresh: 1 table, the oldest sow_poles with 12 min 0 s; 6 h 0 min allowed\n",
    err: "",
  });
});

it.each([
  ["90m", 5_400],
  ["26h", 93_600],
  ["2d", 172_800],
  ["30s", 30],
])("--max-age %s", async (text, seconds) => {
  await cli.run(`health --max-age ${text}`);
  expect(cli.commands.health.mock.lastCall![0].maxAgeSeconds).toBe(seconds);
});

it.each(["6", "0h", "h", "6 h", "-1h", "1w", "9999999h"])("--max-age %s is refused", async (text) => {
  const { exitCode, err } = await cli.run(`health --max-age ${text}`);
  expect(exitCode).toBe(2);
  expect(err).toMatch(/90m, 6h, 2d|too many arguments/i);
  expect(cli.commands.health).not.toHaveBeenCalled();
});

it("says what is stale, and what was never loaded", async () => {
  const tables = [
    { table: "new", ageSeconds: null },
    { table: "sow_poles", ageSeconds: 30_000 },
    { table: "sow_drops", ageSeconds: 22_000 },
    { table: "nokia_exports", ageSeconds: 60 },
  ];
  cli.commands.health.mockResolvedValue({ ok: false, exitCode: 6, maxAgeSeconds: 21_600, tables });
  const { exitCode, out } = await cli.run("health");
  expect(exitCode).toBe(6);
  expect(out).toBe(
    "stale: new was never loaded; 2 tables too old, the oldest sow_poles with 8 h 20 min; 6 h 0 min allowed\n",
  );
});
