import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { runNode, type Measured } from "../measured-process.js";

const here = fileURLToPath(new URL(".", import.meta.url));
/** Below the packages, so that the programs find them. */
const folder = fileURLToPath(new URL("../../node_modules/.cache/datahub-sync-bench", import.meta.url));

const NAMES = ["everything", "cursor", "copy", "null-sink"] as const;
export type ProgramName = (typeof NAMES)[number];

/** Their paths. */
export type Programs = Record<ProgramName, string>;

/** Compiles the programs, so that none of them pays for a compiler while it is measured. */
export async function buildPrograms(): Promise<Programs> {
  await build({
    entryPoints: NAMES.map((name) => join(here, `${name}.ts`)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const paths = NAMES.map((name) => [name, join(folder, `${name}.mjs`)]);
  return Object.fromEntries(paths) as Programs;
}

/** How a program is run, once its way to both sides is known. @param folder what it keeps is kept there */
export function startProgram(
  programs: Programs,
  name: ProgramName,
  folder: string,
  tables: readonly string[],
): (environment: Record<string, string>) => Promise<Measured> {
  const own = { TABLES: tables.join(), STATE_FILE: join(folder, `${name}.json`) };
  return (environment) => runNode([programs[name]], { folder, environment: { ...environment, ...own } });
}
