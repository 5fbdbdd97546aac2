/**
 * `npm run release`: from a clean `main` whose version CHANGELOG.md knows, runs what continuous integration runs, makes
 * the tarball and tags the commit. `--publish` also publishes that tarball. It works in the folder that it is started in.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { Command } from "commander";
import { findReleaseProblems } from "./release-problems.js";

const { publish } = new Command("release")
  .description("checks, packs and tags the version that package.json names")
  .option("--publish", "also publish the tarball to npm's registry", false)
  .parse(process.argv)
  .opts<{ publish: boolean }>();

const read = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: "utf8" }).trim();
const execute = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "inherit" });

const { name, version } = JSON.parse(readFileSync("package.json", "utf8")) as {
  name: string;
  version: string;
};
const tag = `v${version}`;
const commit = read("git", "rev-parse", "HEAD");

/** Before the checks, and after them: what they took apart may not be what is packed. */
function refuseProblems(): void {
  const problems = findReleaseProblems({
    version,
    status: read("git", "status", "--porcelain"),
    branch: read("git", "rev-parse", "--abbrev-ref", "HEAD"),
    tags: read("git", "tag", "--list").split("\n"),
    changelog: existsSync("CHANGELOG.md") ? readFileSync("CHANGELOG.md", "utf8") : "",
  });
  if (read("git", "rev-parse", "HEAD") !== commit) problems.push("HEAD has moved since the checks began.");
  if (problems.length === 0) return;
  console.error(`No release of ${name} ${version}:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  process.exit(1);
}

refuseProblems();
rmSync("dist", { recursive: true, force: true }); // what was built before would be packed as well
try {
  execute("bash", ".ci/run");
} catch {
  console.error(`No release of ${name} ${version}:\n- .ci/run has failed.`);
  process.exit(1);
}
refuseProblems();

const tarball = read("npm", "pack", "--silent").split("\n").at(-1)!;
execute("git", "tag", "--annotate", tag, "--message", `${name} ${version}`);
console.log(`Packed ${tarball} and tagged ${tag}. Nothing was pushed: git push origin main ${tag}`);
if (publish) execute("npm", "publish", `./${tarball}`);
else console.log(`Nothing was published: npm publish ./${tarball}`);
