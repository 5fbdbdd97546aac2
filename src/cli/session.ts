import { wantsColour } from "../config/environment.js";
import type { ConfigInput } from "../config/load-config.js";
import type { Settings } from "../model/config.js";
import type { ExitCode } from "../model/errors.js";
import type { Secret } from "../model/secret.js";
import type { CliIo } from "./cli-io.js";
import type { CommandContext } from "./commands.js";
import { optionFlags, type ParsedFlags } from "./flags.js";
import { createLog, type CliLog } from "./logging/create-log.js";
import { Screen } from "./logging/screen.js";
import { Scrubber } from "./logging/scrubber.js";
import { presentFailure, timePrefix } from "./present-failure.js";
import { describeBar } from "./progress.js";
import { renderCauses, toFailure } from "./render/failure.js";
import { createPaint, type Paint, type Surface } from "./render/paint.js";

/** What a command's body works with. */
export interface Session {
  /** For the functions that do the work. */
  context: CommandContext;
  log: CliLog;
  screen: Screen;
  /** Standard error is a terminal, and standard output is not for a machine. */
  interactive: boolean;
  /** Nobody watches, as under cron: what happened is read later, in a log. */
  unattended: boolean;
  /** What a person has to know before something is done: on standard error, whatever the log's level. */
  tell: (message: string) => void;
  /** Without what no output may contain. */
  scrub: (text: string) => string;
  /** From here on, no output may contain these either. */
  hide: (secrets: readonly Secret[]) => void;
  /** Prints a report: as JSON with `--json`, else as text. The only output on standard output. */
  print: (report: object, render: (paint: Paint) => string) => void;
}

export interface SessionOptions {
  io: CliIo;
  flags: { json?: boolean; verbose?: boolean };
  /** Null for a command without a configuration: it has no log file. */
  loaded: {
    config: { settings: Pick<Settings, "logDir" | "logLevel"> };
    secrets: readonly Secret[];
    warnings: readonly string[];
  } | null;
  /** What no output may contain, beside what was loaded. */
  secrets?: readonly Secret[];
}

/** Runs a command's body with a log, turns what it throws into one message, and flushes the log in every case. */
export async function runSession(
  { io, flags, loaded, secrets = [] }: SessionOptions,
  body: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const scrubber = new Scrubber();
  for (const secret of [...(loaded?.secrets ?? []), ...secrets]) scrubber.register(secret);
  const onTerminal = io.stderr.isTTY === true;
  const screen = new Screen(io.stderr, describeBar);
  const log = createLog({
    level: loaded?.config.settings.logLevel ?? (flags.verbose ? "debug" : "info"),
    screen,
    onTerminal,
    colour: wantsColour(io.stderr, io.environment),
    directory: loaded?.config.settings.logDir ?? null,
    scrubber,
    clock: io.clock,
  });
  const terminal = await openTerminal(io.stdout);
  const session: Session = {
    context: { clock: io.clock, signal: io.signal },
    log,
    screen,
    interactive: onTerminal && flags.json !== true,
    unattended: !onTerminal && flags.verbose !== true,
    tell: (message) => {
      log.record("warn", message);
      io.stderr.write(`${timePrefix(io)}warn  ${scrubber.scrub(message)}\n`);
    },
    scrub: (text) => scrubber.scrub(text),
    hide: (found) => found.forEach((secret) => scrubber.register(secret)),
    print: (report, render) => {
      const paint = createPaint(wantsColour(io.stdout, io.environment), terminal);
      io.stdout.write(`${flags.json ? JSON.stringify(report) : render(paint)}\n`);
    },
  };
  try {
    for (const warning of loaded?.warnings ?? []) log.warn(warning);
    return await body(session);
  } catch (error) {
    screen.hideBar();
    const failure = toFailure(error);
    const causes = renderCauses(failure);
    log.record("error", failure.message, { code: failure.code, table: failure.table, causes });
    return presentFailure(error, io, flags, scrubber);
  } finally {
    screen.hideBar();
    await log.close();
  }
}

async function openTerminal({ isTTY, columns }: CliIo["stdout"]): Promise<Surface | undefined> {
  if (isTTY !== true || columns === undefined) return undefined;
  return (await import("./render/terminal.js")).terminalOf(columns);
}

/** What a command's flags and the outside world say to the configuration. */
export function configInput(
  io: CliIo,
  flags: ParsedFlags,
  allowDeletes: readonly string[] = [],
): ConfigInput {
  return {
    cwd: io.cwd,
    environment: io.environment,
    envFile: flags.envFile ?? null,
    flags: optionFlags(flags),
    tables: flags.table ?? [],
    allowDeletes,
  };
}
