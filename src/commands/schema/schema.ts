import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import type { Clock } from "../../model/clock.js";
import type { MirrorConfig, SourceConfig } from "../../model/config.js";
import { EXIT, SyncError } from "../../model/errors.js";
import type { SchemaReport, SchemaTable } from "../../model/schema-report.js";
import { planMigrations } from "../../state/apply-migrations.js";
import { noteUnmigrated, resolveEach } from "../../sync/look-at-catalog.js";
import { openDatabase } from "../../sync/open-database.js";
import type { Database } from "../../postgres/database.js";
import { GENERATED, printModule, type Home, type TableModule } from "./print-module.js";
import { normalise, readModule, type TableRead } from "./read-module.js";
import { moduleOf } from "./table-modules.js";

export interface SchemaOptions {
  config: SourceConfig;
  cwd: string;
  /** Of the module, below `cwd`. */
  path: string;
  home: Home;
  /** Says how it differs, and writes nothing. */
  check: boolean;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Writes the module of the mirrored tables, or says how it differs from what Postgres and the configuration say.
 * @throws SyncError USAGE where the module was written by somebody
 */
export async function writeSchema(options: SchemaOptions): Promise<SchemaReport> {
  const { config, cwd, path, home, check, clock, signal } = options;
  const file = resolve(cwd, path);
  const text = await readFile(file, "utf8").catch(() => null);
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  try {
    const before = text === null ? new Map<string, TableRead>() : readModule(text);
    // What is written holds all of them.
    const mirrors = check ? config.mirrors : config.allMirrors;
    const found = await resolveAnyhow(database, mirrors);
    const tables = mirrors.map(({ name }, place) => describe(name, found[place]!, before.get(name) ?? null));
    const failed = tables.some(({ report }) => report.outcome === "failed");
    const differs = tables.some(({ report }) => report.outcome !== "equal");
    const written = !check && !failed && differs;
    if (written) {
      if (text !== null && !text.startsWith(GENERATED)) throw notOurs(path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, printModule(tables.map(({ module }) => module!), home));
    }
    const exitCode = failed ? EXIT.failed : differs && check ? EXIT.incomplete : EXIT.done;
    return { ok: exitCode === EXIT.done, exitCode, path, written, tables: tables.map(({ report }) => report) };
  } finally {
    await database.close();
  }
}

/** Also where nothing is migrated yet: what is asked is what the tables look like. */
export async function resolveAnyhow(
  database: Database,
  mirrors: readonly MirrorConfig[],
): Promise<(ResolvedMirror | SyncError)[]> {
  if ((await planMigrations(database)).applied === 0) noteUnmigrated(database);
  return resolveEach(database, mirrors);
}

function describe(
  table: string,
  found: ResolvedMirror | SyncError,
  before: TableRead | null,
): { module: TableModule | null; report: SchemaTable } {
  const nothing = { table, lacking: [], superfluous: [], changed: [] };
  try {
    if (found instanceof SyncError) throw found;
    const module = moduleOf(found, before);
    if (before === null) {
      const lacking = [...module.fields].map(([field, validator]) => ({ field, validator }));
      return { module, report: { ...nothing, outcome: "missing", lacking } };
    }
    const differences = compare(module.fields, before.fields);
    const isEqual = Object.values(differences).every((list) => list.length === 0);
    return { module, report: { ...nothing, ...differences, outcome: isEqual ? "equal" : "differs" } };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const { code, message, remedy } = error;
    return { module: null, report: { ...nothing, outcome: "failed", error: { code, message, remedy } } };
  }
}

function compare(
  wanted: ReadonlyMap<string, string>,
  is: ReadonlyMap<string, string>,
): Pick<SchemaTable, "lacking" | "superfluous" | "changed"> {
  return {
    lacking: [...wanted].filter(([field]) => !is.has(field)).map(([field, validator]) => ({ field, validator })),
    superfluous: [...is.keys()].filter((field) => !wanted.has(field)),
    changed: [...wanted].flatMap(([field, shouldBe]) => {
      const now = is.get(field);
      return now === undefined || now === normalise(shouldBe) ? [] : [{ field, is: now, shouldBe }];
    }),
  };
}

function notOurs(path: string): SyncError {
  return new SyncError({
    code: "USAGE",
    message: `${path} was written by somebody, and not by \`datahub-sync schema\`.`,
    remedy: "`datahub-sync schema --check` says what it lacks; or name another file with --out.",
  });
}
