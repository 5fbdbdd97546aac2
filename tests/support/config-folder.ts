import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig, type ConfigInput } from "../../src/config/load-config.js";
import { SyncError } from "../../src/model/errors.js";
import { makeTemporaryFolder } from "./temporary-folder.js";

/** An environment in which nothing is missing. */
export const COMPLETE = {
  DATABASE_URL: "postgresql://owner:pw-of-owner@db.example.com/app?sslmode=verify-full",
  CONVEX_URL: "https://happy-otter-123.convex.cloud",
  CONVEX_SYNC_AUTH_KEY: "the-key-of-the-sync",
};

/** An empty working directory to load a configuration in; what a test does not give is complete or left out. */
export function makeConfigFolder() {
  const cwd = makeTemporaryFolder();

  function input(given: Partial<ConfigInput> = {}): ConfigInput {
    return { cwd, environment: COMPLETE, envFile: null, flags: {}, tables: [], allowDeletes: [], ...given };
  }

  return {
    cwd,

    /** Writes a file: as it is, or one variable a line. */
    write(file: string, values: Record<string, string> | string): void {
      const lines =
        typeof values === "string"
          ? values
          : Object.entries(values)
              .map(([name, value]) => `${name}=${value}`)
              .join("\n");
      writeFileSync(join(cwd, file), lines);
    },

    load: (given?: Partial<ConfigInput>) => loadConfig(input(given), "both"),

    /** For a command that leaves Convex alone. */
    loadSource: (given?: Partial<ConfigInput>) => loadConfig(input(given), "source"),

    /** What the configuration is refused with; fails if it is accepted. */
    async failure(given: Partial<ConfigInput>, sides: "both" | "source" = "both"): Promise<SyncError> {
      try {
        if (sides === "both") await loadConfig(input(given), "both");
        else await loadConfig(input(given), "source");
      } catch (error) {
        if (error instanceof SyncError) return error;
        throw error;
      }
      throw new Error("the configuration was accepted");
    },
  };
}
export type ConfigFolder = ReturnType<typeof makeConfigFolder>;
