import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeRelationName } from "../../config/relation-name.js";
import type { MirrorConfig } from "../../model/config.js";
import { toConvexName } from "../../model/names.js";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import { toConvexName as fieldOf } from "../../model/names.js";
import { printModule, type Home, type TableModule } from "../schema/print-module.js";
import { moduleOf, printIndex } from "../schema/table-modules.js";
import type { Candidate } from "./find-candidates.js";

/** A file that is written, or what somebody has to change by hand. */
export type PlannedFile =
  | { path: string; action: "create" | "change"; text: string }
  /** It is there already, and somebody else's. */
  | { path: string; action: "by-hand"; lines: string[] };

export interface PlanFilesOptions {
  cwd: string;
  home: Home;
  chosen: readonly Candidate[];
}

const CONFIG_FILE = "datahub-sync.config.json";
const MODULE = "convex/mirrors.ts";

/** The files that `init` writes, none of which exists, but for those of a clone that still are as they came. */
export async function planFiles({ cwd, home, chosen }: PlanFilesOptions): Promise<PlannedFile[]> {
  const read = (path: string) => readFile(join(cwd, path), "utf8").catch(() => null);
  return [
    await planConfig(
      chosen,
      home,
      await read(CONFIG_FILE),
      await read("node_modules/datahub-sync/package.json"),
    ),
    planModule(chosen, home, await read(MODULE)),
    planFunctions(home, await read("convex/datahubSync.ts")),
    planSchema(home, await read("convex/schema.ts")),
  ];
}

function planConfig(
  chosen: readonly Candidate[],
  home: Home,
  before: string | null,
  installed: string | null,
): Promise<PlannedFile> {
  const tables = chosen.map(({ config }) => printEntry(config));
  if (before !== null) {
    const lines = [
      "add to its tables what is not there yet:",
      ...tables.map((table) => `${JSON.stringify(table)},`),
    ];
    return Promise.resolve({ path: CONFIG_FILE, action: "by-hand", lines });
  }
  const folder = home === "app" && installed !== null ? "./node_modules/datahub-sync/schema" : "./schema";
  const $schema = `${folder}/datahub-sync.config.schema.json`;
  const text = `${JSON.stringify(home === "clone" || installed !== null ? { $schema, tables } : { tables }, null, 2)}\n`;
  return Promise.resolve({ path: CONFIG_FILE, action: "create", text });
}

/** What differs from the defaults. */
function printEntry({ relation, name, key, ignore, exclude }: MirrorConfig): Record<string, unknown> {
  return {
    relation: writeRelationName(relation),
    ...(name === toConvexName(relation.name) ? {} : { mirror: name }),
    ...(key === null ? {} : { key }),
    ...(ignore.length === 0 ? {} : { ignore }),
    ...(exclude.length === 0 ? {} : { exclude }),
  };
}

function planModule(chosen: readonly Candidate[], home: Home, before: string | null): PlannedFile {
  const tables = chosen.map(({ resolved, config, listed }): TableModule => {
    const mirror = { ...(resolved as ResolvedMirror), config };
    return moduleOf(mirror, null, suggestIndexes(listed.foreignKeys, mirror.keyColumns));
  });
  if (before === null) return { path: MODULE, action: "create", text: printModule(tables, home) };
  return {
    path: MODULE,
    action: "by-hand",
    lines: [
      "it is there: once the configuration names the tables, `datahub-sync schema` brings it up to date",
    ],
  };
}

/** Convex stores and bills each index as another copy, so that an app says which of its look-ups are worth it. */
function suggestIndexes(foreignKeys: readonly string[][], keyColumns: readonly string[]): string[] {
  return foreignKeys
    .filter((columns) => columns.join() !== keyColumns.join())
    .map((columns) => {
      const fields = columns.map(fieldOf);
      return `Where the app looks rows up by it: ${printIndex(`by_${fields.join("_and_")}`.slice(0, 64), fields)} (another copy, which Convex bills)`;
    });
}

const NAMES =
  "handshake, beginRuns, rotateFence, applyBatch, finishRuns,\n  listLedger, listDocuments, listMissing, lookupKeys, readDocuments, adoptDocuments,\n  freshness";

function planFunctions(home: Home, before: string | null): PlannedFile {
  const path = "convex/datahubSync.ts";
  const text = [
    `import { defineDatahubSync } from "${home === "clone" ? "./datahubSync/functions.js" : "datahub-sync/convex"}";`,
    `import { mirrorTables } from "./mirrors${home === "clone" ? ".js" : ""}";`,
    "",
    `export const {\n  ${NAMES},\n} = defineDatahubSync({ tables: mirrorTables });`,
    "",
  ].join("\n");
  return planModuleFile(path, before, text, [
    "const { … } = defineDatahubSync({ tables: mirrorTables }), with mirrorTables of ./mirrors",
  ]);
}

function planSchema(home: Home, before: string | null): PlannedFile {
  const path = "convex/schema.ts";
  const text = [
    'import { defineSchema } from "convex/server";',
    `import { datahubSyncTables } from "${home === "clone" ? "./datahubSync/ledger.js" : "datahub-sync/convex"}";`,
    `import { mirrorTables } from "./mirrors${home === "clone" ? ".js" : ""}";`,
    "",
    "export default defineSchema({ ...mirrorTables, ...datahubSyncTables });",
    "",
  ].join("\n");
  return planModuleFile(path, before, text, [
    `import { datahubSyncTables } from "${home === "clone" ? "./datahubSync/ledger.js" : "datahub-sync/convex"}"; import { mirrorTables } from "./mirrors";`,
    "and spread both into defineSchema({ …, ...mirrorTables, ...datahubSyncTables })",
  ]);
}

/** Of a clone as it came, the default tables give way to those that were chosen. */
function planModuleFile(path: string, before: string | null, text: string, lines: string[]): PlannedFile {
  if (before === null) return { path, action: "create", text };
  if (before.includes("mirrorTables"))
    return { path, action: "by-hand", lines: ["it has mirrorTables already"] };
  const isAsItCame = before.includes('import { defaultMirrorTables } from "./defaultMirrorTables.js";');
  if (!isAsItCame) return { path, action: "by-hand", lines };
  const changed = before
    .replace(
      'import { defaultMirrorTables } from "./defaultMirrorTables.js";',
      'import { mirrorTables } from "./mirrors.js";',
    )
    .replaceAll("defaultMirrorTables", "mirrorTables");
  return { path, action: "change", text: changed };
}
