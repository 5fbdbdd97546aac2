import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
/** Below the packages, so that the programs find them. */
const folder = fileURLToPath(new URL("../../node_modules/.cache/datahub-sync-bench", import.meta.url));

const NAMES = ["everything", "cursor", "copy", "null-sink"] as const;
export type ProgramName = (typeof NAMES)[number];

/** Compiles the programs, so that none of them pays for a compiler while it is measured. */
export async function buildPrograms(): Promise<Record<ProgramName, string>> {
  await build({
    entryPoints: NAMES.map((name) => join(here, `${name}.ts`)),
    ...{ outdir: folder, outExtension: { ".js": ".mjs" } },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", logLevel: "error" },
  });
  const paths = NAMES.map((name) => [name, join(folder, `${name}.mjs`)]);
  return Object.fromEntries(paths) as Record<ProgramName, string>;
}
