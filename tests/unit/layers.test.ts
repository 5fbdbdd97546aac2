import { ESLint } from "eslint";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";

/** The rules of the project's own configuration that need no type information. */
const UNTYPED_RULES =
  /^(import-x\/no-restricted-paths|no-console|no-restricted-(properties|globals|imports|syntax))$/;

/** An empty house with the project's folders: the rules are tested, not today's files. */
const FOLDERS = [
  "config",
  "catalog",
  "source",
  "encode",
  "sink",
  "state",
  "model",
  "postgres",
  "sync",
  "commands",
  "cli",
  "cli/render",
  "package",
].map((folder) => `src/${folder}`);
const LOCAL = ["local", "local/convex", "local/demo", "local/oracle"];
const FILES = [
  ...[...FOLDERS, ...LOCAL].map((folder) => `${folder}/some.ts`),
  "src/model/errors.ts",
  "src/model/encoding.ts",
  "convex/some.ts",
  "src/package/json.ts",
  "drizzle/some.ts",
  "tests/support/some.ts",
  "torture/some.ts",
];

const house = realpathSync(mkdtempSync(join(tmpdir(), "datahub-sync-test-")));
let eslint: ESLint;

beforeAll(() => {
  for (const file of FILES) {
    mkdirSync(join(house, dirname(file)), { recursive: true });
    writeFileSync(join(house, file), "");
  }
  process.chdir(house); // what the rule's zones are relative to
  eslint = new ESLint({
    cwd: house,
    overrideConfigFile: join(packageRoot(), "eslint.config.js"),
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => UNTYPED_RULES.test(ruleId),
  });
});

afterAll(() => {
  process.chdir(packageRoot());
  rmSync(house, { recursive: true });
});

/** Names the rules that a file of that path and content breaks. */
async function lint(path: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(house, path) });
  return result!.messages.map((message) => message.ruleId ?? message.message);
}

async function lintImport(from: string, to: string): Promise<string[]> {
  const target = to.endsWith(".ts") ? to.replace(/ts$/, "js") : `${to}/some.js`;
  return lint(`${from}/imagined.ts`, `import "${from.replaceAll(/[^/]+/g, "..")}/${target}";\n`);
}

const STAGES = ["src/config", "src/catalog", "src/source", "src/encode", "src/sink", "src/state"];

describe("an import against the direction of the layers is an error", () => {
  const betweenStages = STAGES.flatMap((from) => STAGES.filter((to) => to !== from).map((to) => [from, to]));
  const upwards = STAGES.flatMap((from) =>
    ["src/sync", "src/commands", "src/cli", "local"].map((to) => [from, to]),
  );
  test.each([
    ...betweenStages,
    ...upwards,
    ["src/sync", "src/cli"],
    ["src/sync", "src/commands"],
    ["src/sync", "local"],
    ["src/commands", "src/cli"],
    ...[...STAGES, "src/postgres", "src/sync", "convex", "drizzle"].map((to) => ["src/model", to]),
    ["src/cli", "src/source"],
    ["src/cli", "src/sink"],
    ["local", "src/cli"],
    ["local", "src/sync"],
    ["local/convex", "src/cli/render"],
    ...["src/sync", "src/state", "src/cli", "src/config"].map((to) => ["local/demo", to]),
    ...[...STAGES, "src/sync", "src/postgres", "src/model/errors.ts", "convex", "local"].map((to) => {
      return ["local/oracle", to];
    }),
    ["local/oracle", "torture"],
    ["src/source", "convex"],
    ["src/encode", "convex"],
    ["src/encode", "src/package"],
    ["src/package", "src/encode"],
    ["src/package", "src/model/errors.ts"],
    ["convex", "src/package"],
    ["convex", "src/sink"],
    ["convex", "src/model/errors.ts"],
    ["src/source", "drizzle"],
    ["src/source", "tests/support"],
  ] as [string, string][])("%s to %s", async (from, to) => {
    expect(await lintImport(from, to)).toEqual(["import-x/no-restricted-paths"]);
  });
});

describe("an import along the layers is none", () => {
  test.each([
    ["src/cli", "src/commands"],
    ["src/cli", "src/sync"],
    ["src/commands", "src/sync"],
    ["src/cli", "src/config"],
    ["src/cli", "local"],
    ...STAGES.map((stage) => ["src/sync", stage]),
    ...STAGES.map((stage) => ["src/commands", stage]),
    ...STAGES.map((stage) => [stage, "src/model/errors.ts"]),
    ["src/source", "src/model/encoding.ts"],
    ["src/source", "src/postgres"],
    ["src/state", "drizzle"],
    ["src/encode", "src/package/json.ts"],
    ["src/package", "convex"],
    ["src/sink", "convex"],
    ["src/sync", "convex"],
    ["local", "convex"],
    ["local/convex", "local"],
    ["local/demo", "local/oracle"],
    ["local/demo", "src/cli/render"],
    ["tests/unit", "src/source"],
  ] as [string, string][])("%s to %s", async (from, to) => {
    expect(await lintImport(from, to)).toEqual([]);
  });
});

describe("what a layer may not do", () => {
  test.each([
    ["src/sink/imagined.ts", "process.env['HOME'];", "no-restricted-properties"],
    ["local/imagined.ts", "process.env['HOME'];", "no-restricted-properties"],
    ["src/sync/imagined.ts", "process.exit(1);", "no-restricted-properties"],
    ["src/sync/imagined.ts", "Date.now();", "no-restricted-properties"],
    ["src/sync/imagined.ts", "Math.random();", "no-restricted-properties"],
    ["src/sync/imagined.ts", "new Date();", "no-restricted-syntax"],
    ["src/sync/imagined.ts", "setTimeout(() => {}, 1);", "no-restricted-globals"],
    ["src/sync/imagined.ts", 'import "node:timers/promises";', "no-restricted-imports"],
    ["src/sync/imagined.ts", "console.log(1);", "no-console"],
    ["tests/unit/imagined.test.ts", "test.skip('', () => {});", "no-restricted-syntax"],
  ])("%s: %s", async (path, code, rule) => {
    expect(await lint(path, `${code}\n`)).toEqual([rule]);
  });

  test.each([
    ["src/config/imagined.ts", "process.env['HOME'];"],
    ["src/cli/imagined.ts", "console.log(1); process.exit(1);"],
    ["src/model/clock.ts", "Date.now();"],
    ["src/sync/imagined.ts", "new Date(0);"],
  ])("%s may: %s", async (path, code) => {
    expect(await lint(path, `${code}\n`)).toEqual([]);
  });
});
