import { execFile } from "node:child_process";
import { cp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { makeTemporaryFolder } from "../support/temporary-folder.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));

async function readGenerated(root: string): Promise<Record<string, string>> {
  const directory = join(root, "convex/_generated");
  const contents: Record<string, string> = {};
  for (const name of await readdir(directory)) contents[name] = await readFile(join(directory, name), "utf8");
  return contents;
}

it("convex/_generated is what `npm run convex:codegen` makes of convex/, without a network", async () => {
  const copy = makeTemporaryFolder();
  for (const name of ["convex", "convex.json", "package.json"]) {
    await cp(join(repository, name), join(copy, name), { recursive: true });
  }
  await rm(join(copy, "convex/_generated"), { recursive: true });
  await symlink(join(repository, "node_modules"), join(copy, "node_modules"));

  await promisify(execFile)("npm", ["run", "--silent", "convex:codegen"], { cwd: copy });

  const [committed, generated] = await Promise.all([readGenerated(repository), readGenerated(copy)]);
  expect(generated).toEqual(committed);
  expect(Object.keys(generated).sort()).toEqual(["api.ts", "dataModel.ts", "server.ts"]);
});
