import type { AlertConfig } from "../../../src/model/alert-config.js";
import { Secret } from "../../../src/model/secret.js";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkHere } from "../../../src/commands/doctor/check-here.js";
import { Checks } from "../../../src/commands/doctor/check.js";
import { SyncError } from "../../../src/model/errors.js";
import { quietSurroundings } from "../../support/surroundings.js";
import { makeTemporaryFolder } from "../../support/temporary-folder.js";

async function check(given: Parameters<typeof quietSurroundings>[0]) {
  const checks = new Checks();
  await checkHere(checks, quietSurroundings(given));
  return (name: string) => checks.all.find((found) => found.name === name);
}

test("what is wrong with the configuration is the finding, with its remedy", async () => {
  const configProblem = new SyncError({
    code: "CONFIG_MISSING",
    message: "CONVEX_URL is not set.",
    remedy: "Set it.",
  });
  const find = await check({ configProblem });
  expect(find("configuration")).toMatchObject({
    outcome: "problem",
    finding: "CONVEX_URL is not set.",
    remedy: "Set it.",
  });
});

test("an env file that others may read is named, and one that they may not is well", async () => {
  const folder = makeTemporaryFolder();
  for (const [file, mode] of [
    ["open.env", 0o644],
    ["shut.env", 0o600],
  ] as const) {
    await writeFile(join(folder, file), "");
    await chmod(join(folder, file), mode);
  }
  const envFiles = ["open.env", "shut.env"];
  expect((await check({ cwd: folder, envFiles }))("secrets")).toMatchObject({
    outcome: "warning",
    remedy: "Take that from them: chmod 600 open.env",
  });
  expect((await check({ cwd: folder, envFiles: ["shut.env"] }))("secrets")).toMatchObject({ outcome: "ok" });
});

test("a log folder that is not there yet is looked at where it would be made", async () => {
  const folder = makeTemporaryFolder();
  expect((await check({ logDir: join(folder, "a", "b") }))("log folder")).toMatchObject({ outcome: "ok" });
  await writeFile(join(folder, "file"), "");
  expect((await check({ logDir: join(folder, "file", "logs") }))("log folder")).toMatchObject({
    outcome: "problem",
  });
});

test.each<[string, string | null, string, RegExp]>([
  ["no crontab", null, "warning", /15 \*\/4 .* sync >>.*\n45 1 .* sync --full >>/],
  ["a crontab of other things", "0 0 * * * backup --full\n", "warning", /sync >>/],
  ["deltas alone", "15 */4 * * * datahub-sync sync >> log\n", "warning", /sync --full/],
  ["full runs alone", "15 */4 * * * npx datahub-sync sync --full\n", "warning", /main\.js sync >>/],
  ["a line that is commented out", "# 15 */4 * * * datahub-sync sync\n", "warning", /sync >>/],
  ["both", "1 * * * * node dist/src/cli/main.js sync\n2 * * * 0 datahub-sync sync --deep\n", "ok", /^$/],
])("the schedule: %s", async (_, crontab, outcome, remedy) => {
  const find = await check({ schedule: { files: [], crontab: () => Promise.resolve(crontab) } });
  expect(find("schedule")).toMatchObject({ outcome });
  expect(find("schedule")!.remedy ?? "").toMatch(remedy);
});

test("the schedule: units of systemd count, and folders that are not there do not matter", async () => {
  const folder = makeTemporaryFolder();
  await mkdir(join(folder, "units"));
  await writeFile(join(folder, "units", "a.service"), "ExecStart=/usr/bin/npx datahub-sync sync\n");
  await writeFile(join(folder, "units", "b.service"), "ExecStart=/usr/bin/npx datahub-sync sync --full\n");
  const files = [join(folder, "units"), join(folder, "nowhere")];
  const find = await check({ schedule: { files, crontab: () => Promise.resolve(null) } });
  expect(find("schedule")).toMatchObject({ outcome: "ok" });
});

test("the line for cron quotes what a shell or cron would read otherwise", async () => {
  const find = await check({
    cwd: "/srv/it's 100%",
    schedule: { files: [], crontab: () => Promise.resolve(null) },
  });
  expect(find("schedule")!.remedy).toContain(String.raw`cd '/srv/it'\''s 100\%' && `);
});

test("whether anybody is told of runs", async () => {
  const url = new Secret("https://example.com/secret");
  const none = {
    pings: { start: null, success: null, failure: null },
    webhook: null,
    webhookWhen: "changes",
  } as const;
  const of = async (alerts: AlertConfig | null) => (await check({ alerts }))("alerts");
  expect(await of(null)).toBeUndefined();
  expect(await of(none)).toMatchObject({
    outcome: "warning",
    remedy: expect.stringContaining("docs/alerts.md") as unknown,
  });
  expect(await of({ ...none, webhook: url })).toMatchObject({ outcome: "ok" });
  const both = await of({ ...none, pings: { ...none.pings, success: url }, webhook: url });
  expect(JSON.stringify(both)).toContain("a monitor and a webhook are told");
});
