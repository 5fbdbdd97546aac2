import type { Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface SchemaFlags extends ParsedFlags {
  check?: boolean;
  out: string;
}

export function defineSchemaCommand(command: Command): Command {
  command
    .description("write the Convex tables of the mirrors, with typed validators, from what Postgres has")
    .option("--check", "write nothing: say what the file lacks, and exit 3 where it lacks something")
    .option("--out <file>", "the file", "convex/mirrors.ts");
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync schema                                after a column was added; then npx convex deploy
  $ datahub-sync schema --check                        in CI`,
  );
}
