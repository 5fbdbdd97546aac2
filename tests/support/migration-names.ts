import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.js";

/** The migrations of the package, in their order. */
export const MIGRATIONS: readonly string[] = (
  JSON.parse(readFileSync(join(packageRoot(), "migrations", "meta", "_journal.json"), "utf8")) as {
    entries: { tag: string }[];
  }
).entries.map(({ tag }) => tag);
