import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cronBlock, cronLine, replaceBlock, type Program } from "../../../src/commands/schedule/crontab.js";
import { schedule, type RunCommand, type ScheduleOptions } from "../../../src/commands/schedule/schedule.js";
import { INTERVALS, SUNDAY_NIGHT, weeklySystemd, type Interval } from "../../../src/model/schedule-times.js";
import { systemdUnits, watchUnit } from "../../../src/commands/schedule/units.js";
import { makeTemporaryFolder } from "../../support/temporary-folder.js";

const program: Program = {
  cwd: "/srv/sync",
  program: ["/usr/bin/node", "/srv/sync/dist/src/cli/main.js"],
  logDir: null,
  envFile: null,
};
const times = { every: "4h", fullAt: SUNDAY_NIGHT } as const;

describe("a crontab", () => {
  test("gets and loses our block alone, whatever else is in it", () => {
    const line = fc.oneof(
      fc.constantFrom("", "# mine", "0 1 * * * true", "# datahub-sync begins: /elsewhere", "MAILTO=me"),
      fc.string({ maxLength: 20 }).filter((text) => !text.includes("\n")),
    );
    const lines = fc.array(line, { maxLength: 6 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const text = (all: readonly string[]) => (all.length === 0 ? "" : `${all.join("\n")}\n`);
        const plain = text([...before, ...after]);
        const block = cronBlock(program, times);
        const installed = replaceBlock(plain, program.cwd, block);
        expect(installed).toBe(text([...before, ...after, ...block]));
        // In place, and again; and where its owner has moved it.
        expect(replaceBlock(installed, program.cwd, block)).toBe(installed);
        const moved = text([...before, ...block, ...after]);
        const hourly = cronBlock(program, { ...times, every: "1h" });
        expect(replaceBlock(moved, program.cwd, hourly)).toBe(text([...before, ...hourly, ...after]));
        expect(replaceBlock(moved, program.cwd, null)).toBe(plain);
        // Another folder's block is not ours.
        expect(replaceBlock(moved, "/srv/other", null)).toBe(moved);
      }),
    );
  });

  test("a shell reads the line as it is meant, whatever the folder is called", () => {
    const folder = join(makeTemporaryFolder(), `it's "100%" $HOME`);
    const line = cronLine({ ...program, cwd: folder, envFile: "/a b/.env" }, "* * * * *", "sync");
    // cron takes \% for %, and hands the rest to a shell.
    const command = line.replace(/^(\S+ ){5}/, "").replaceAll("\\%", "%");
    const told = execFileSync(
      "/bin/sh",
      [
        "-c",
        `cd() { printf '%s|' "$@"; }; ${command.replace(" /usr/bin/node ", " printf '%s|' ").replace(/>>/, ";:")}`,
      ],
      { encoding: "utf8" },
    );
    expect(told.split("|").slice(0, 5)).toEqual([
      folder,
      program.program[1],
      "sync",
      "--env-file",
      "/a b/.env",
    ]);
  });

  test("is read, written only where something changes, and never where it cannot be", async () => {
    let crontab: string | null = null;
    const written: string[] = [];
    const run: RunCommand = (command, [flag], input) => {
      expect(command).toBe("crontab");
      if (flag === "-") written.push((crontab = input!));
      const isThere = flag === "-" || crontab !== null;
      return Promise.resolve({ code: isThere ? 0 : 1, stdout: crontab ?? "", stderr: "no crontab for me" });
    };
    const cwd = makeTemporaryFolder();
    const options: Omit<ScheduleOptions, "action"> = {
      program: { ...program, cwd },
      times,
      systemd: null,
      run,
    };
    expect(await schedule({ ...options, action: "print" })).toMatchObject({ changed: false });
    expect(await schedule({ ...options, action: "remove" })).toMatchObject({ changed: false, lines: [] });
    expect(written).toEqual([]);
    expect(await schedule({ ...options, action: "install" })).toMatchObject({ changed: true });
    expect(existsSync(join(cwd, "logs"))).toBe(true);
    expect(await schedule({ ...options, action: "install" })).toMatchObject({ changed: false });
    expect(await schedule({ ...options, action: "remove" })).toMatchObject({ changed: true });
    expect(written.at(-1)).toBe("");

    const absent: RunCommand = () => Promise.resolve({ code: null, stdout: "", stderr: "" });
    await expect(schedule({ ...options, action: "install", run: absent })).rejects.toMatchObject({
      message: "There is no crontab on this machine.",
    });
    const refusing: RunCommand = (_, [flag]) =>
      Promise.resolve({ code: flag === "-" ? 1 : 0, stdout: "", stderr: "you are not allowed to use it\n" });
    await expect(schedule({ ...options, action: "install", run: refusing })).rejects.toMatchObject({
      message: "crontab refused it: you are not allowed to use it",
    });
  });
});

const ANALYZE = "/usr/bin/systemd-analyze";

describe("systemd", () => {
  test("accepts the units and the times, where it is installed", () => {
    if (!existsSync(ANALYZE)) return;
    const folder = makeTemporaryFolder();
    const real = { ...program, cwd: folder, program: [process.execPath, "a b%$c.js"] as const };
    const named = { name: "datahub-sync", user: "root" };
    const units = [...systemdUnits(real, times, named), watchUnit(real, { ...named, name: "live" })];
    const files = units.map(({ name, text }) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    });
    expect(execFileSync(ANALYZE, ["verify", ...files], { encoding: "utf8" })).toBe("");
    const calendars = [
      ...Object.values(INTERVALS).map(({ systemd }) => systemd),
      weeklySystemd(SUNDAY_NIGHT),
    ];
    for (const calendar of calendars)
      expect(execFileSync(ANALYZE, ["calendar", calendar], { encoding: "utf8" })).toContain("Next elapse");
  });

  test("gets our units, which start node itself, and loses them again, and no others", async () => {
    const folder = makeTemporaryFolder();
    const calls: string[] = [];
    const run: RunCommand = (command, args) => {
      calls.push([command, ...args].join(" "));
      return Promise.resolve({ code: 0, stdout: "", stderr: "" });
    };
    const options = { program, times, systemd: { name: "sync", folder, user: null, watch: false }, run };
    writeFileSync(join(folder, "other.timer"), "[Timer]");
    expect(await schedule({ ...options, action: "install" })).toMatchObject({ changed: true });
    expect(readdirSync(folder).sort()).toEqual(
      ["other.timer", "sync-full.service", "sync-full.timer", "sync.service", "sync.timer"].sort(),
    );
    const service = readFileSync(join(folder, "sync.service"), "utf8");
    // Signals reach node, and not a shell or npm.
    expect(service).toContain("\nExecStart=/usr/bin/node /srv/sync/dist/src/cli/main.js sync\n");
    expect(service).toContain("\nSuccessExitStatus=4\n");
    expect(calls.splice(0)).toEqual([
      "systemctl --user daemon-reload",
      "systemctl --user enable --now sync.timer sync-full.timer",
    ]);
    expect(await schedule({ ...options, action: "install" })).toMatchObject({ changed: false });
    calls.length = 0;
    expect(await schedule({ ...options, action: "remove" })).toMatchObject({ changed: true });
    expect(readdirSync(folder)).toEqual(["other.timer"]);
    expect(calls).toEqual([
      "systemctl --user disable --now sync.timer sync-full.timer",
      "systemctl --user daemon-reload",
    ]);
    await schedule({ ...options, action: "install" });
    calls.length = 0;
    const live = { ...options, systemd: { ...options.systemd, watch: true } };
    expect(await schedule({ ...live, action: "install" })).toMatchObject({ changed: true });
    expect(readdirSync(folder).sort()).toEqual(["other.timer", "sync.service"]);
    expect(readFileSync(join(folder, "sync.service"), "utf8")).toContain("main.js sync --watch\n");
    expect(calls.splice(0)).toEqual([
      "systemctl --user disable --now sync.timer sync-full.timer",
      "systemctl --user daemon-reload",
      "systemctl --user enable --now sync.service",
      "systemctl --user restart sync.service",
    ]);
    await schedule({ ...options, action: "remove" });
    expect(calls).toEqual(["systemctl --user disable --now sync.service", "systemctl --user daemon-reload"]);
    expect(readdirSync(folder)).toEqual(["other.timer"]);
    writeFileSync(join(folder, "sync.timer"), "[Timer]");
    for (const action of ["install", "remove"] as const)
      await expect(schedule({ ...options, action })).rejects.toMatchObject({ code: "USAGE" });
    expect(readFileSync(join(folder, "sync.timer"), "utf8")).toBe("[Timer]");
  });
});

test("each interval is the same for cron and for systemd, as often in a day", () => {
  const perDay: Record<Interval, number> = {
    ...{ "15m": 96, "30m": 48, "1h": 24, "2h": 12, "4h": 6, "6h": 4, "12h": 2, "24h": 1 },
  };
  for (const [name, { cron }] of Object.entries(INTERVALS)) {
    const [minutes, hours] = cron.split(" ") as [string, string];
    const count = (field: string, of: number) =>
      field === "*" ? of : field.startsWith("*/") ? of / Number(field.slice(2)) : field.split(",").length;
    expect(count(minutes, 60) * count(hours, 24)).toBe(perDay[name as Interval]);
  }
});
