import { realpathSync } from "node:fs";

/**
 * What starts this command line again: Node's path and the script's own. npx starts it through a link in a folder of npm's,
 * which may be gone tomorrow.
 */
export function programPath(): [node: string, script: string] {
  const script = process.argv[1] ?? "datahub-sync";
  try {
    return [process.execPath, realpathSync(script)];
  } catch {
    return [process.execPath, script];
  }
}
