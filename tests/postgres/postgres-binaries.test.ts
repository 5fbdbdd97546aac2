import { execFile } from "node:child_process";
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { findInstalledFolder, prepareBinaries } from "../../local/postgres/binaries.js";
import { createServerFolder, findServerOwner } from "../../local/postgres/server-owner.js";

const run = promisify(execFile);
const owner = await findServerOwner();

/** The package as npm leaves it in some place; its folder is given to `change` before it is used. */
let installed: string;
let folder: string;
beforeEach(async () => {
  const place = await mkdtemp(join(tmpdir(), "datahub-sync-test-"));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  await chmod(place, 0o755);
  installed = join(place, "native");
  await cp(findInstalledFolder(18), installed, { recursive: true, verbatimSymlinks: true });
  folder = await createServerFolder(owner);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function expectToWork(initdb: string): Promise<void> {
  await run(initdb, ["--no-sync", "--pgdata", join(folder, "data")], { ...owner, cwd: "/" });
}

test("binaries that can be run are run where they are", async () => {
  const { initdb, release } = await prepareBinaries(18, folder, owner, installed);
  expect(initdb).toBe(join(installed, "bin", "initdb"));
  expect(release).toMatch(/^18\./);
  await expectToWork(initdb);
});

test("libraries without their symbolic links (install scripts blocked) are mended in a copy", async () => {
  for (const name of await readdir(join(installed, "lib"))) {
    const path = join(installed, "lib", name);
    if ((await lstat(path)).isSymbolicLink()) await rm(path);
  }
  const { initdb } = await prepareBinaries(18, folder, owner, installed);
  expect(initdb).toBe(join(folder, "native", "bin", "initdb"));
  await expectToWork(initdb);
});

test("programs that have lost their mode are mended in a copy", async () => {
  for (const name of ["postgres", "initdb"]) await chmod(join(installed, "bin", name), 0o600);
  const { initdb } = await prepareBinaries(18, folder, owner, installed);
  expect(initdb).toBe(join(folder, "native", "bin", "initdb"));
  await expectToWork(initdb);
});

test("an installation that other users cannot enter works for root too", async () => {
  await chmod(join(installed, ".."), 0o700);
  await expectToWork((await prepareBinaries(18, folder, owner, installed)).initdb);
});

test("a temporary folder that other users cannot enter works for root too", async () => {
  const closed = join(installed, "..", "closed");
  await mkdir(closed, { mode: 0o700 });
  vi.stubEnv("TMPDIR", closed);
  onTestFinished(() => void vi.unstubAllEnvs());
  const inside = await createServerFolder(owner);
  onTestFinished(() => rm(inside, { recursive: true, force: true }));
  await run("/bin/sh", ["-c", 'touch "$1/written"', "sh", inside], { ...owner, cwd: "/" });
});

test("binaries that do not run at all are an error that says so", async () => {
  await rm(join(installed, "bin", "postgres"));
  await expect(prepareBinaries(18, folder, owner, installed)).rejects.toMatchObject({
    code: "DATABASE_FAILED",
  });
});
