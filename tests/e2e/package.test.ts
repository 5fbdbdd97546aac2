import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { parse } from "dotenv";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSourceTables } from "../../local/data/fill-source.js";
import { findBuiltCli } from "../support/built-cli.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { ConvexCli } from "./convex-cli.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** The packages that an installation without development has, by the lock file's own word. */
async function listInstalled(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev }]) =>
    dev !== true && /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) ? [path.slice("node_modules/".length)] : [],
  );
}

/**
 * What `npm pack` makes, installed in a folder of its own, with the packages that it depends on and no others. They
 * are linked, not downloaded: what is proven is that the package holds all that it needs, and finds it.
 */
describe("the package, installed", () => {
  let folder: string;
  let database: TestDatabase;
  const cli = (args: string[], variables: Record<string, string> = {}) =>
    run(join(folder, "node_modules/.bin/datahub-sync"), args, {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: folder, ...variables },
    });

  beforeAll(async () => {
    await findBuiltCli();
    database = await createTestDatabase();
    await createSourceTables(database.sql);
    folder = await mkdtemp(join(tmpdir(), "datahub-sync-package-"));
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ name: "app", private: true, dependencies: { convex: "*" } }),
    );
    const packed = await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], {
      cwd: root,
    });
    const tarball = packed.stdout.trim().split("\n").at(-1)!;

    const modules = join(folder, "node_modules");
    const target = join(modules, "datahub-sync");
    await run("mkdir", ["-p", target, join(modules, ".bin")]);
    await run("tar", ["-xzf", join(folder, tarball), "-C", target, "--strip-components", "1"]);
    const { bin } = JSON.parse(await readFile(join(target, "package.json"), "utf8")) as {
      bin: Record<string, string>;
    };
    for (const [name, file] of Object.entries(bin)) {
      await run("chmod", ["+x", join(target, file)]); // as npm does when it installs
      await symlink(join(target, file), join(modules, ".bin", name));
    }
    for (const name of await listInstalled()) {
      await run("mkdir", ["-p", join(modules, name, "..")]);
      await symlink(join(root, "node_modules", name), join(modules, name)).catch(() => {}); // optional: may be absent
    }
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it("tells its version and its help", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect((await cli(["--version"])).stdout).toBe(`${version}\n`);
    const help = (await cli(["--help"])).stdout;
    for (const command of ["init", "migrate", "sync", "status", "verify", "doctor", "untrack", "local"])
      expect(help).toContain(command);
  });

  it("says what `local` needs, which is not installed with it", async () => {
    const failed = (await cli(["local"]).catch((error: unknown) => error)) as {
      code: number;
      stderr: string;
    };
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(/`datahub-sync local` needs packages that are not installed\./);
    for (const name of LOCAL_PACKAGES) {
      expect(failed.stderr).toMatch(new RegExp(`npm install --save-dev.* ${name}@\\^?\\d`));
    }
    expect(failed.stderr).not.toContain(OF_WORKERS);
  });

  it("says what workers need, and where the queue is to be named", async () => {
    const queue = { DATAHUB_SYNC_QUEUE_URL: database.url };
    const failed = (await cli(["worker"], queue).catch((error: unknown) => error)) as {
      code: number;
      stderr: string;
    };
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(/Run `npm install pg-boss@\^12`/);
    const unnamed = (await cli(["worker"]).catch((error: unknown) => error)) as { stderr: string };
    expect(unnamed.stderr).toContain("DATAHUB_SYNC_QUEUE_URL is not set");
  });

  it("finds its migrations and tracks the tables", async () => {
    const { stdout } = await cli(["migrate", "--json"], { DATABASE_URL: database.url });
    const report = JSON.parse(stdout) as { ok: boolean; applied: string[]; tables: unknown[] };
    const migrations = (await readdir(join(root, "migrations"))).filter((name) => name.endsWith(".sql"));
    expect(report).toMatchObject({ ok: true, applied: migrations.map((name) => name.replace(".sql", "")) });
    expect(report.tables).toHaveLength(7);
  });

  it("holds what its README and exports promise, and nothing of the workshop", async () => {
    const target = join(folder, "node_modules/datahub-sync");
    const names = await readdir(target);
    expect(names).toEqual(expect.arrayContaining(["convex", "dist", "migrations", "package.json", "schema"]));
    expect(names).not.toEqual(expect.arrayContaining(["tests"]));
    const exportsOf = async (entry: string) => {
      const script = `import("${entry}").then((m) => console.log(JSON.stringify(Object.keys(m))))`;
      const { stdout } = await run(process.execPath, ["-e", script], { cwd: folder });
      return JSON.parse(stdout) as string[];
    };
    const values = [
      "decodeArray",
      "decodeComposite",
      "decodeJson",
      "decodeMultirange",
      "decodeRange",
      "printJson",
      "toDate",
      "toMicroseconds",
    ];
    const forFunctions = ["datahubSyncTables", "defaultMirrorTables", "defineDatahubSync", "guardMirrors"];
    const functions = [...forFunctions, "mirrorFreshness", "mirrored"];
    expect(await exportsOf("datahub-sync/values")).toEqual(values);
    expect(await exportsOf("datahub-sync/convex")).toEqual([...functions, ...values].sort());
  });

  it("takes somebody from an empty folder to an equal copy, in an app that the real CLI checks and bundles", async () => {
    const modules = join(folder, "node_modules");
    for (const name of [...LOCAL_PACKAGES, "typescript"]) {
      await run("mkdir", ["-p", join(modules, name, "..")]);
      await symlink(join(root, "node_modules", name), join(modules, name)).catch(() => {});
    }
    const local = spawn(
      join(modules, ".bin/datahub-sync"),
      ["local", "--empty", "--write-env", ".env.local"],
      {
        cwd: folder,
        env: { PATH: process.env["PATH"], HOME: folder },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const ended = once(local, "close");
    try {
      await Promise.race([
        once(createInterface(local.stdout), "line"),
        ended.then(() => Promise.reject(new Error("`local` has ended."))),
      ]);
      const variables = parse(await readFile(join(folder, ".env.local")));
      const sql = postgres(variables["DATABASE_URL"]!, { max: 1, onnotice: () => {} });
      await sql`CREATE TABLE things (id serial PRIMARY KEY, name text, details jsonb)`;
      await sql`INSERT INTO things (name, details) SELECT 'thing ' || n, '{"n": 1}' FROM generate_series(1, 30) n`;
      await sql.end();

      expect((await cli(["init", "--all", "--yes"])).stdout).toContain(
        "Written: datahub-sync.config.json, convex/mirrors.ts",
      );
      await mkdir(join(folder, "convex"), { recursive: true });
      for (const [name, source] of Object.entries(APP)) await writeFile(join(folder, "convex", name), source);
      const convex = new ConvexCli(folder, {
        url: variables["CONVEX_SELF_HOSTED_URL"]!,
        adminKey: variables["CONVEX_SELF_HOSTED_ADMIN_KEY"]!,
      });
      const { exitCode, output } = await convex.attempt("deploy", "--typecheck", "enable");
      expect({ exitCode, output }).toEqual({ exitCode: 0, output });
      await cli(["migrate"]);
      await cli(["sync"]);
      expect((await cli(["verify"])).stdout).toContain("Equal: 30 rows of 1 table, value by value.");
      expect(JSON.parse(await convex.run("run", "app:first"))).toEqual({ name: "thing 1", n: 1, rows: 30 });
      const refused = await convex.attempt("run", "app:write");
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toContain("ConvexError");
      expect(await convex.documents("things")).toHaveLength(30);
    } finally {
      local.kill("SIGTERM");
      await ended;
    }
  });
});

/** What README tells to install for `local`. */
const { peerDependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
) as Record<"peerDependencies" | "optionalDependencies", Record<string, string>>;
const OF_WORKERS = "pg-boss";
const LOCAL_PACKAGES = Object.keys({ ...peerDependencies, ...optionalDependencies }).filter(
  (name) => name !== OF_WORKERS,
);

/** What an app does with the package, type-checked as strictly as ours is. */
const APP = {
  "tsconfig.json": `{
    "compilerOptions": {
      "target": "ESNext", "lib": ["ES2023"], "types": [], "module": "ESNext", "moduleResolution": "Bundler",
      "strict": true, "exactOptionalPropertyTypes": true, "isolatedModules": true, "skipLibCheck": true, "noEmit": true
    },
    "include": ["./**/*"]
  }`,
  "app.ts": `
    import { customMutation } from "convex-helpers/server/customFunctions";
    import { guardMirrors, mirrorFreshness } from "datahub-sync/convex";
    import { decodeJson } from "datahub-sync/values";
    import type { DataModel } from "./_generated/dataModel";
    import { mutation as rawMutation, query } from "./_generated/server";
    import { mirrorTables } from "./mirrors";

    const mutation = customMutation(rawMutation, guardMirrors<DataModel>({ tables: mirrorTables }));
    export const write = mutation({ args: {}, handler: (ctx) => ctx.db.insert("things", { name: "by the app" }) });
    export const first = query({
      args: {},
      handler: async (ctx) => {
        const thing = await ctx.db.query("things").withIndex("by_key", (q) => q.eq("id", 1)).unique();
        const details = decodeJson(thing?.details) as { n: number };
        const name: string | null | undefined = thing?.name;
        return { name, n: details.n, rows: (await mirrorFreshness(ctx, "things"))?.rows };
      },
    });`,
};
