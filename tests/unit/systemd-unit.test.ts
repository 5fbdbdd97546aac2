import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";
import { makeTemporaryFolder } from "../support/temporary-folder.js";

/** The units of docs/operations.md, by the name in their first line. */
function readUnits(): Map<string, string> {
  const text = readFileSync(join(packageRoot(), "docs/operations.md"), "utf8");
  const units = [...text.matchAll(/```ini\n# \S+\/(\S+)\n([^]*?)```/g)];
  return new Map(units.map(([, name, unit]) => [name!, unit!]));
}

const settings = (unit: string) =>
  Object.fromEntries([...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));

test("the service starts node itself, which signals reach, on a script that the build makes", () => {
  const { ExecStart, SuccessExitStatus } = settings(readUnits().get("datahub-sync.service")!);
  const [node, script, ...args] = ExecStart!.split(" ");
  expect(node).toMatch(/^\/.*\/node$/);
  const { bin } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  expect(script).toBe(bin["datahub-sync"]);
  expect(args).toEqual(["sync"]);
  expect(SuccessExitStatus).toBe("4");
});

const ANALYZE = "/usr/bin/systemd-analyze";

test("systemd accepts the units, where it is installed", () => {
  const units = readUnits();
  expect([...units.keys()]).toEqual(["datahub-sync.service", "datahub-sync.timer"]);
  if (!existsSync(ANALYZE)) return;
  const folder = makeTemporaryFolder();
  const files = [...units].map(([name, unit]) => {
    const file = join(folder, name);
    writeFileSync(file, unit.replace("/usr/bin/node", process.execPath)); // where Node is on this machine
    return file;
  });
  expect(execFileSync(ANALYZE, ["verify", ...files], { encoding: "utf8" })).toBe("");
});
