import { CommanderError, type Command } from "commander";
import { EXIT, SyncError, type ExitCode } from "../model/errors.js";
import type { CliIo } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { createProgram } from "./program.js";

/** One invocation: parses the arguments (without node and script), runs the command, and gives the exit code. */
export async function runCli(args: readonly string[], io: CliIo, commands: Commands): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(io, commands, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return present(error, io, args);
    // `--help` and `--version`; a command line without a command shows the help too, but did nothing.
    if (error.exitCode === 0) return EXIT.done;
    if (error.code === "commander.help") return EXIT.usage;
    return present(usageError(error, program, args), io, args);
  }
}

/** Commander's message, with where to read on. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): SyncError {
  const command = program.commands.find((known) => args.includes(known.name()));
  const [message = "", ...hints] = error.message.replace(/^error: /, "").split("\n");
  const help = `\`datahub-sync ${command === undefined ? "" : `${command.name()} `}--help\` shows what there is.`;
  return new SyncError({
    code: "USAGE",
    message: `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? "" : "."}`,
    remedy: [...hints.map((hint) => hint.replace(/^\((.*)\)$/, "$1")), help].join(" "),
  });
}

/** As the flags want it shown, also when the rest of the command line made no sense. */
async function present(error: unknown, io: CliIo, args: readonly string[]): Promise<ExitCode> {
  const { presentFailure } = await import("./present-failure.js");
  return presentFailure(error, io, { json: args.includes("--json"), verbose: args.includes("--verbose") });
}
