import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { NOTHING_DEPLOYED } from "../../local/convex/nothing-deployed.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { findBuiltCli } from "../support/built-cli.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** The commands of the section on deploying, block by block. */
async function readSteps(): Promise<string[]> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const section = /^## Deploy[^]*?(?=^## )/m.exec(readme)![0];
  return [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block!);
}

/** Finds the lines of cron, without their times. */
async function readCron(): Promise<string[]> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const block = /```cron\n([^]*?)```/.exec(readme)![1]!;
  return block
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/).slice(5).join(" "));
}

/**
 * A clone as the first user has it on the server, with what `npm ci` has made. `npx` finds its two programs without asking
 * npm, which would look for them in the network first.
 */
describe("the README's steps, as they stand there", () => {
  let folder: string;
  let database: TestDatabase;
  let deployment: LocalDeployment;
  let served: ServedDeployment;

  beforeAll(async () => {
    const main = await findBuiltCli();
    folder = await mkdtemp(join(tmpdir(), "datahub-sync-readme-"));
    for (const name of [".env.example", "package.json", "tsconfig.json"])
      await cp(join(root, name), join(folder, name));
    await cp(join(root, "convex"), join(folder, "convex"), { recursive: true });
    for (const name of ["node_modules", "migrations", "dist"])
      await symlink(join(root, name), join(folder, name));
    await mkdir(join(folder, "bin"));
    const program = async (name: string, script: string) => {
      await writeFile(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, "bin", name), 0o755);
    };
    await program(
      "npx",
      `name=$1; shift
      case $name in
        convex) exec node "${root}node_modules/convex/bin/main.js" "$@";;
        datahub-sync) exec node "${main}" "$@";;
      esac
      exit 127`,
    );
    // Servers have it; a container for tests may not.
    const hasOpenssl = await run("openssl", ["version"]).then(
      () => true,
      () => false,
    );
    if (!hasOpenssl) await program("openssl", "exec node -p 'crypto.randomBytes(32).toString(\"hex\")'");
    database = await createTestDatabase();
    await createSourceTables(database.sql);
    await fillSourceTables(database.sql, { seed: 1, scale: 0.005 });
    deployment = LocalDeployment.create({ ...NOTHING_DEPLOYED, env: {} });
    served = await serveLocalDeployment(deployment);
  });
  afterAll(async () => {
    await served.close();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const shell = (script: string) =>
    run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: folder,
      env: {
        PATH: `${folder}/bin:${process.env["PATH"]}`,
        HOME: folder,
        CI: "1",
        CONVEX_SELF_HOSTED_URL: served.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: deployment.adminKey,
      },
    });

  test("take the seven tables to an equal copy, and cron's lines keep it", async () => {
    const [install, configure, deploy, migrate, sync, watch] = await readSteps();
    expect(install).toContain("npm ci");
    await shell(install!.split("\n").slice(2).join("\n")); // the clone and its modules are here

    const key = (await shell(configure!)).stdout.trim();
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(join(folder, ".env"))).mode & 0o777).toBe(0o600);
    const env = await readFile(join(folder, ".env"), "utf8");
    const edited = env
      .replace(/^DATABASE_URL=.*$/m, `DATABASE_URL=${database.url}`)
      .replace(/^CONVEX_URL=.*$/m, `CONVEX_URL=${served.url}`)
      .replace(/^CONVEX_SYNC_AUTH_KEY=.*$/m, `CONVEX_SYNC_AUTH_KEY=${key}`);
    await writeFile(join(folder, ".env"), edited);

    // The key of a deployment in the cloud: here the variables of a self-hosted one stand for it.
    await shell(deploy!.replace(/^export CONVEX_DEPLOY_KEY=.*$/m, ":"));
    expect(deployment.env["CONVEX_SYNC_AUTH_KEY"]).toBe(key);
    const found = await shell("npx datahub-sync doctor --json || true");
    const { checks } = JSON.parse(found.stdout) as { checks: { name: string; outcome: string }[] };
    expect(checks.filter(({ outcome }) => outcome === "problem").map(({ name }) => name)).toEqual([
      "migrations",
    ]);

    expect((await shell(migrate!)).stdout).toContain("CREATE SCHEMA");
    expect((await shell(sync!)).stdout).toMatch(/^total .* 300 /m);
    expect((await shell("npx datahub-sync verify")).stdout).toContain("Equal: 300 rows of 7 tables");
    expect((await shell(watch!)).stdout).toMatch(/^fresh: 7 tables/);

    const [delta, full] = await readCron();
    await database.sql`UPDATE sow_poles SET status = 'by the other job' WHERE id = (SELECT min(id::text)::uuid FROM sow_poles)`;
    for (const line of [delta!, delta!, full!]) await shell(line.replaceAll("<dir>", folder));
    const log = await readFile(join(folder, "logs/cron-sync-convex.log"), "utf8");
    const dated = log.split("\n").filter((line) => /^\d{4}-\d\d-\d\dT/.test(line));
    expect(dated).toHaveLength(3);
    expect(dated[0]).toMatch(/Delta run .*: 7 tables, .*\d s\.$/);
    expect(dated[1]).toMatch(/Delta run .*; nothing to do\.$/);
    expect(dated[2]).toMatch(/Full run .*; nothing to do\.$/);
    expect(log).not.toContain("> datahub-sync@");
  }, 120_000);
});
