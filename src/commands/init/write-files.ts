import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PlannedFile } from "./plan-files.js";

/** Writes what is to be written; what is somebody's own is left as it is. */
export async function writeFiles(cwd: string, files: readonly PlannedFile[]): Promise<void> {
  for (const file of files) {
    if (file.action === "by-hand") continue;
    const path = join(cwd, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.text);
  }
}
