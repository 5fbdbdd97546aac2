import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { convexTest } from "convex-test";
import { anyApi, type GenericSchema, type SchemaDefinition } from "convex/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { lastRun } from "./test-deployment.js";

/**
 * An app with tables and functions of its own installs the package: built and laid out as npm would, in a
 * directory of its own, so that nothing of this repository's settings helps it.
 */
const repository = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
let app: string;

const tsc = (...args: string[]) =>
  run("node", [join(repository, "node_modules/typescript/bin/tsc"), ...args]);

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), "datahub-sync-app-"));
  await cp(join(repository, "tests/convex/fixtures/app"), app, { recursive: true });
  const installed = join(app, "node_modules/datahub-sync");
  await mkdir(installed, { recursive: true });
  await cp(join(repository, "package.json"), join(installed, "package.json"));
  for (const name of ["convex", "convex-helpers"]) {
    await symlink(join(repository, "node_modules", name), join(app, "node_modules", name));
  }
  const buildOfPackageAlone = join(app, "tsconfig.package.json");
  const settings = {
    extends: join(repository, "tsconfig.build.json"),
    compilerOptions: {
      rootDir: repository,
      outDir: join(installed, "dist"),
      typeRoots: [join(repository, "node_modules/@types")],
    },
    include: [join(repository, "src/package")],
  };
  await writeFile(buildOfPackageAlone, JSON.stringify(settings));
  await tsc("-p", buildOfPackageAlone);
  const convex = join(repository, "node_modules/convex/bin/main.js");
  await run("node", [convex, "codegen", "--system-udfs", "--typecheck", "disable"], { cwd: app });
});
afterAll(() => rm(app, { recursive: true }));

describe("datahub-sync/convex in an app that was there first", () => {
  it("type-checks, and says to the app what it holds", async () => {
    await expect(tsc("-p", app)).resolves.toMatchObject({ stdout: "" });
  });

  it("bundles for Convex's runtime, with what the package itself needs", async () => {
    const entryPoints = [join(app, "convex/datahubSync.ts"), join(app, "convex/schema.ts")];
    const settings = { bundle: true, write: false, platform: "browser", format: "esm" } as const;
    const { warnings } = await build({ entryPoints, ...settings, outdir: app, logLevel: "silent" });
    expect(warnings).toEqual([]);
  });

  it("runs beside the app's own tables and functions", async () => {
    vi.stubEnv("CONVEX_SYNC_AUTH_KEY", "a key for tests");
    const load = (path: string) => () => import(pathToFileURL(join(app, path)).href) as Promise<object>;
    const { default: schema } = (await load("convex/schema.ts")()) as {
      default: SchemaDefinition<GenericSchema, boolean>;
    };
    const modules = Object.fromEntries(
      ["convex/_generated/api.js", "convex/sync.ts", "convex/datahubSync.ts"].map((path) => [
        path,
        load(path),
      ]),
    );
    const t = convexTest({ schema, modules });
    const { datahubSync, sync } = anyApi;
    const syncKey = "a key for tests";

    await t.mutation(sync!["send"]!, { author: "Ann", text: "Is the pole planted?" });
    const token = { syncKey, epoch: 1n, nonce: "first" };
    const batch = { slot: 0, deletions: [], orphans: [], force: false };
    const pole = { id: "1", pole_number: "LAW.P.A002", status: "planted" };
    const customer = { customer_no: 7n, name: "Ann", tags: ["new"] };
    const begun = { ...token, tables: ["sow_poles", "customers"], lineage: "source", takeOver: false };
    await t.mutation(datahubSync!["beginRuns"]!, begun);
    for (const [table, document] of Object.entries({ sow_poles: pole, customers: customer })) {
      const upserts = [{ key: "1", hash: "h", document }];
      const result = (await t.mutation(datahubSync!["applyBatch"]!, {
        ...token,
        table,
        fence: 0n,
        ...batch,
        upserts,
      })) as object;
      expect(result).toMatchObject({ inserted: 1 });
    }

    expect(await t.query(sync!["poleStatus"]!, { poleNumber: "LAW.P.A002" })).toBe("planted");
    expect(await t.query(sync!["poleBySourceId"]!, { id: "1" })).toBe("LAW.P.A002");
    expect(await t.query(sync!["customer"]!, { customerNo: 7n })).toEqual({ name: "Ann", tags: ["new"] });
    expect(await t.query(sync!["list"]!, {})).toMatchObject([{ author: "Ann" }]);

    // The mirrors are exactly the tables that the app named: not its own, and not the package's defaults.
    const tables = ["customers", "messages", "sow_drops"];
    const { mirrors } = (await t.query(datahubSync!["handshake"]!, { syncKey, tables, sampleFrom: 0 })) as {
      mirrors: { deployed: boolean; fields: string[] | null; rows: number }[];
    };
    expect(mirrors.map(({ deployed, fields, rows }) => ({ deployed, fields, rows }))).toEqual([
      { deployed: true, fields: ["customer_no", "name", "tags"], rows: 1 },
      { deployed: false, fields: null, rows: 0 },
      { deployed: false, fields: null, rows: 0 },
    ]);

    const running = { highWaterMark: null, rows: 0, running: true, lastRun: null };
    expect(await t.query(sync!["freshness"]!, { table: "customers" })).toEqual(running);
    expect(await t.query(sync!["freshness"]!, { table: "sow_drops" })).toBeNull();
    const end = { nextNonce: "ended", highWaterMark: "2025-10-31T08:15:00.000000Z", position: "100:110:104" };
    await t.mutation(datahubSync!["finishRuns"]!, {
      ...token,
      lineage: "source",
      ends: [{ table: "customers", fence: 0n, priorNonce: null, ...end, lastRun: lastRun() }],
    });
    expect(await t.query(sync!["freshness"]!, { table: "customers" })).toEqual({
      highWaterMark: "2025-10-31T08:15:00.000000Z",
      rows: 1,
      running: false,
      lastRun: lastRun(),
    });
  });
});
