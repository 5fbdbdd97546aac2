import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { FileResult } from "./config-file.js";
import { defaultMirrors } from "./default-mirrors.js";
import type { Problem } from "./problems.js";

const DEFAULT_CONFIG_FILE = "datahub-sync.config.json";

/** What the configuration file says; the default mirrors when no file is named and none lies in `cwd`. */
export async function readConfigFile(cwd: string, file: string | undefined): Promise<FileResult> {
  const shown = file ?? DEFAULT_CONFIG_FILE;
  const absolute = resolve(cwd, shown);
  if (!existsSync(absolute)) {
    if (file === undefined) return { mirrors: defaultMirrors(), budget: null, problems: [] };
    return failed("missing", `There is no configuration file ${file}.`, `It was looked for in ${cwd}.`);
  }
  let text: string;
  try {
    text = readFileSync(absolute, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    return failed("invalid", `${shown} cannot be read (${code}).`, "Make it a file that this user may read.");
  }
  // Without a file the library that checks it is not loaded: it takes as long as two turns to a far server.
  const { parseConfigFile } = await import("./config-file.js");
  return parseConfigFile(text, shown);
}

function failed(kind: Problem["kind"], message: string, remedy: string): FileResult {
  return { mirrors: [], budget: null, problems: [{ kind, message, remedy }] };
}
