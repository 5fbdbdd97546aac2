import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Environment } from "../../src/config/environment.js";
import { packageRoot } from "../../src/package-root.js";

/** Variables of the caller's that would make the command talk to something real, or behave otherwise. */
const OWN_VARIABLES = /^(DATABASE_URL$|NEON_|CONVEX_|DATAHUB_SYNC_|PG)/;

export interface CommandOptions {
  /** The caller's variables; those that configure the tool are left out. */
  environment: Environment;
  /** What the tool is to know. */
  variables: Record<string, string>;
  /** Where it runs: an empty folder, so that no `.env` and no configuration file is found. */
  folder: string;
  /** Told how to end the command early. */
  onStart: (stop: () => Promise<void>) => void;
}

/** Runs the built command line as a user would, its output going where ours goes. Returns the exit code. */
export async function runCommand(args: readonly string[], options: CommandOptions): Promise<number> {
  const inherited = Object.entries(options.environment).filter(([name]) => !OWN_VARIABLES.test(name));
  const child = spawn(process.execPath, [join(packageRoot(), "dist/src/cli/main.js"), ...args], {
    cwd: options.folder,
    env: { ...Object.fromEntries(inherited), ...options.variables },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  options.onStart(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return (await ended)[0] ?? 1;
}
