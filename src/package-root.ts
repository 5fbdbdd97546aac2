import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder of this package's `package.json`. The same files run from `src/` (tests) and from
 * `dist/src/` (installed), so what `tsc` does not copy, such as SQL, is found from here.
 *
 * @throws if no parent folder holds a `package.json`, which no installation produces.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("No package.json in any folder above the program.");
    folder = parent;
  }
  return folder;
}
