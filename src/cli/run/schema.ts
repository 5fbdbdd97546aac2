import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { renderSchemaReport } from "../render/schema-report.js";
import type { SchemaFlags } from "../schema.js";
import { configInput, runSession } from "../session.js";

export async function runSchema(flags: SchemaFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "source");
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    const report = await commands.schema({
      ...context,
      config: loaded.config,
      cwd: io.cwd,
      path: flags.out,
      home: homeOf(io.cwd),
      check: flags.check === true,
    });
    print(report, (paint) => renderSchemaReport(report, paint));
    return report.exitCode;
  });
}

/** A clone of the repository has the functions themselves; an app has the package. */
export function homeOf(cwd: string): "clone" | "app" {
  return existsSync(join(cwd, "convex/datahubSync/functions.ts")) ? "clone" : "app";
}
