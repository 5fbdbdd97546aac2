/** `npm run generate`: writes what is kept in the repository and comes from the code. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageRoot } from "../src/package-root.js";
import { generateDocuments } from "./documents/documents.js";

for (const [path, text] of await generateDocuments(packageRoot())) {
  const file = join(packageRoot(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
