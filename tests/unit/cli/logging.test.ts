import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "../../../src/cli/logging/create-log.js";
import { LogFile } from "../../../src/cli/logging/log-file.js";
import { Screen } from "../../../src/cli/logging/screen.js";
import { Scrubber } from "../../../src/cli/logging/scrubber.js";
import { readDatabaseUrl } from "../../../src/config/database-url.js";
import { Secret } from "../../../src/model/secret.js";
import { Captured, frozenClock } from "../../support/fake-io.js";
import { makeTemporaryFolder } from "../../support/temporary-folder.js";

let directory: string;
beforeEach(() => {
  directory = makeTemporaryFolder();
});

function open(given: Partial<LogOptions> = {}) {
  const stderr = new Captured(given.onTerminal);
  const log = createLog({
    level: "info",
    screen: new Screen(stderr, ({ label }) => label),
    onTerminal: false,
    colour: false,
    directory,
    scrubber: new Scrubber(),
    clock: frozenClock,
    ...given,
  });
  return { log, stderr };
}

const fileText = () => readFileSync(join(directory, "datahub-sync.log"), "utf8");

describe("the log", () => {
  it("has plain lines with their time under cron", async () => {
    const { log, stderr } = open();
    log.info("12 rows read", { table: "sow_poles", read: 12 });
    log.warn("the certificate is not verified");
    log.debug("not at this level");
    log.routine("delta run started");
    log.record("info", "for the file");
    await log.close();
    expect(stderr.text).toBe(
      [
        "2025-11-22T10:15:00.000Z info  sow_poles: 12 rows read",
        "2025-11-22T10:15:00.000Z warn  the certificate is not verified",
        "2025-11-22T10:15:00.000Z info  delta run started",
        "",
      ].join("\n"),
    );
  });

  it("has short lines on a terminal, without what the progress bar shows", async () => {
    const { log, stderr } = open({ onTerminal: true, level: "debug" });
    log.info("12 rows read", { table: "sow_poles" });
    log.warn("the certificate is not verified");
    log.error("failed", { table: "sow_drops" });
    log.debug("a detail");
    log.routine("delta run started");
    await log.close();
    expect(stderr.text).toBe(
      "sow_poles: 12 rows read\nwarning: the certificate is not verified\nerror: sow_drops: failed\na detail\n",
    );
  });

  it("has colour when asked", async () => {
    const { log, stderr } = open({ onTerminal: true, colour: true });
    log.error("failed");
    await log.close();
    expect(stderr.text).toBe("\x1b[31merror: \x1b[39mfailed\n");
  });

  it("has JSON lines in the file, everything included", async () => {
    const { log } = open({ onTerminal: true });
    log.info("12 rows read", { table: "sow_poles", read: 12 });
    log.routine("delta run started");
    log.record("warn", "run ended", { report: { ok: false } });
    log.debug("not at this level");
    await log.close();
    const time = "2025-11-22T10:15:00.000Z";
    expect(
      fileText()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { time, level: "info", message: "12 rows read", table: "sow_poles", read: 12 },
      { time, level: "info", message: "delta run started" },
      { time, level: "warn", message: "run ended", report: { ok: false } },
    ]);
  });

  it("makes no file before the first line, and none without a directory", async () => {
    const quiet = open({ directory: join(directory, "quiet") });
    await quiet.log.close();
    expect(existsSync(join(directory, "quiet"))).toBe(false);
    const { log } = open({ directory: null });
    log.info("a line");
    await log.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("begins a new file when the old one is full, keeps five, and loses no line of those", async () => {
    const { log } = open({ maxFileBytes: 20_000 });
    for (let number = 0; number < 2_000; number++) log.record("info", `line ${number}`);
    await log.close();
    const newestFirst = ["", 1, 2, 3, 4].map((age) => `datahub-sync${age}.log`);
    expect(readdirSync(directory).sort()).toEqual([...newestFirst].sort());
    const texts = newestFirst.reverse().map((name) => readFileSync(join(directory, name), "utf8"));
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(20_000);
    const numbers = [...texts.join("").matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, index) => 2_000 - numbers.length + index));
    expect(numbers.length).toBeGreaterThan(800);
  });

  it("begins a new file where another run left a full one", async () => {
    for (let run = 1; run <= 3; run++) {
      const { log } = open({ maxFileBytes: 100 });
      log.info(`run ${run}`, { padding: "longer than the file may be".repeat(8) });
      await log.close();
    }
    const runs = ["", 1, 2].map((age) => readFileSync(join(directory, `datahub-sync${age}.log`), "utf8"));
    expect(runs.map((text) => text.match(/run \d/g))).toEqual([["run 3"], ["run 2"], ["run 1"]]);
    expect(readdirSync(directory)).toHaveLength(3);
  });

  it("goes on in a file that is not full yet", async () => {
    for (let run = 1; run <= 3; run++) {
      const { log } = open();
      log.info(`run ${run}`);
      await log.close();
    }
    expect(readdirSync(directory)).toEqual(["datahub-sync.log"]);
    expect(fileText().match(/run \d/g)).toEqual(["run 1", "run 2", "run 3"]);
  });

  it("writes thousands of lines before it closes", async () => {
    const { log } = open();
    for (let number = 0; number < 5_000; number++) log.record("info", `line ${number}`);
    await log.close();
    expect(fileText().trim().split("\n")).toHaveLength(5_000);
  });

  it("makes its folder and those above, and fails at once where there can be none", () => {
    const folder = join(makeTemporaryFolder(), "a/b/c");
    new LogFile(folder).close();
    expect(existsSync(join(folder, "datahub-sync.log"))).toBe(true);
    expect(() => new LogFile("/proc/none/logs")).toThrow(/ENOENT|EROFS|EACCES|EPERM/);
  });

  it("goes on without a file that cannot be written, and says so once", async () => {
    writeFileSync(join(directory, "not-a-directory"), "");
    const { log, stderr } = open({ directory: join(directory, "not-a-directory") });
    log.info("first");
    log.info("second");
    await log.close();
    expect(stderr.text.replaceAll(directory, "/srv")).toBe(
      [
        "2025-11-22T10:15:00.000Z info  first",
        "2025-11-22T10:15:00.000Z warn  The log file in /srv/not-a-directory cannot be written (ENOTDIR); going on without it.",
        "2025-11-22T10:15:00.000Z info  second",
        "",
      ].join("\n"),
    );
  });

  it("goes on when the disk is full, and says so once", async () => {
    symlinkSync("/dev/full", join(directory, "datahub-sync.log"));
    const { log, stderr } = open();
    log.info("first");
    log.info("second");
    await log.close();
    expect(stderr.text.match(/ENOSPC|first|second/g)).toEqual(["first", "ENOSPC", "second"]);
  });

  it("never shows a secret, in a message, in a field, or in another form (invariant 11)", async () => {
    const scrubber = new Scrubber();
    const key = new Secret('key "with" quotes\\ and ümlaut');
    scrubber.register(key);
    const { log, stderr } = open({ scrubber });
    log.info(`sent ${key.reveal()}`, {
      raw: key.reveal(),
      nested: [{ encoded: encodeURIComponent(key.reveal()) }],
    });
    log.info("connecting to postgresql://owner:hunter2@db.example.com/app?sslmode=require");
    log.info("held", { key });
    await log.close();
    for (const text of [stderr.text, fileText()]) {
      expect(text).toContain("[secret]");
      expect(text).not.toMatch(/with|ümlaut|%C3%BCmlaut|hunter2|owner/);
    }
    for (const line of fileText().trim().split("\n")) expect(() => void JSON.parse(line)).not.toThrow();
  });
});

describe("the scrubber", () => {
  it("leaves the example in a remedy, and no connection string that looks like it", () => {
    const scrubber = new Scrubber();
    for (const url of ["nonsense", "postgresql:///db", "postgresql://h/db?host=h"]) {
      const result = readDatabaseUrl(url, "DATABASE_URL");
      if (result.ok) throw new Error("It should be refused.");
      expect(result.problem.remedy).toContain("postgresql://user:password@host");
      expect(scrubber.scrub(result.problem.remedy)).toBe(result.problem.remedy);
    }
    for (const rest of ["host.example/database", "host/databases", "host/other", "host:1/database"]) {
      expect(scrubber.scrub(`postgresql://user:password@${rest}`)).toBe("[secret]");
    }
  });

  it("leaves no registered value in any text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 4, unit: "binary-ascii" }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.string({ unit: "binary-ascii" })),
        (values, parts) => {
          const scrubber = new Scrubber();
          for (const value of values) scrubber.register(new Secret(value));
          const text = parts.flatMap((part, index) => [part, values[index % values.length]!]).join("");
          const shown = scrubber.scrub(text);
          // What stands in for a secret may itself hold a short one.
          for (const value of values.filter((each) => !"[secret][secret]".includes(each))) {
            expect(shown.replaceAll("[secret]", "\u2588")).not.toContain(value);
          }
        },
      ),
    );
  });
});
