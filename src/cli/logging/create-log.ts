import { once } from "node:events";
import { Writable } from "node:stream";
import { createLogger, format, transports, type Logger } from "winston";
import type { Clock } from "../../clock.js";
import type { LogLevel } from "../../config/types.js";
import type { Log } from "../commands.js";
import { openLogFile } from "./file-transport.js";
import { formatForCron, formatForTerminal } from "./line-format.js";
import type { Screen } from "./screen.js";
import type { Scrubber } from "./scrubber.js";

export interface LogOptions {
  level: LogLevel;
  screen: Screen;
  /** A person watches: short lines, and none for what the progress bar shows. */
  onTerminal: boolean;
  colour: boolean;
  /** Null: no file. */
  directory: string | null;
  /** Bytes after which the file is rotated. */
  maxFileBytes?: number;
  scrubber: Scrubber;
  clock: Clock;
}

export interface CliLog extends Log {
  /** As `info`, but not on a terminal, where the progress bar tells it already. */
  routine(message: string, fields?: Record<string, unknown>): void;
  /** To the file alone: what standard output or standard error shows in another form. */
  record(level: LogLevel, message: string, fields?: Record<string, unknown>): void;
  /** Waits until everything is written. Nothing may be logged after it. */
  close(): Promise<void>;
}

/** Where a line goes; not part of what is written. */
type Audience = "everyone" | "not-terminal" | "file";
const AUDIENCE = Symbol("audience");
const MESSAGE = Symbol.for("message");

/** Logs to standard error and, from the first line on, to the file. A file that cannot be written is a warning. */
export function createLog(options: LogOptions): CliLog {
  const { level, screen, onTerminal, colour, directory, clock } = options;
  const scrub = format((info) => {
    info[MESSAGE] = options.scrubber.scrub(String(info[MESSAGE]));
    return info;
  });
  const forScreen = format((info) => {
    const audience = info[AUDIENCE] as Audience;
    return audience === "everyone" || (audience === "not-terminal" && !onTerminal) ? info : false;
  });
  const lines = onTerminal ? formatForTerminal(colour) : formatForCron();
  const stream = new transports.Stream({
    stream: lineStream((line) => screen.writeLine(line)),
    eol: "\n",
    format: format.combine(forScreen(), lines, scrub()),
  });
  const logger = createLogger({ level, transports: [stream] });

  let file: transports.FileTransportInstance | null = null;
  let fileWanted = directory !== null;
  const attachFile = (): void => {
    fileWanted = false;
    try {
      file = openLogFile(directory!, options.maxFileBytes);
    } catch (error) {
      giveUpFile(error);
      return;
    }
    file.format = format.combine(format.json({ deterministic: false }), scrub());
    file.on("error", (error: unknown) => {
      if (file === null) return;
      logger.remove(file);
      giveUpFile(error);
    });
    logger.add(file);
  };
  const giveUpFile = (error: unknown): void => {
    file = null;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    write(
      "warn",
      "everyone",
      `The log file in ${directory} cannot be written (${code}); going on without it.`,
    );
  };
  const write = (lineLevel: LogLevel, audience: Audience, message: string, fields: object = {}): void => {
    if (fileWanted) attachFile();
    const time = new Date(clock.now()).toISOString();
    logger.log({ time, level: lineLevel, message, ...fields, [AUDIENCE]: audience });
  };

  return {
    error: (message, fields) => write("error", "everyone", message, fields),
    warn: (message, fields) => write("warn", "everyone", message, fields),
    info: (message, fields) => write("info", "everyone", message, fields),
    debug: (message, fields) => write("debug", "everyone", message, fields),
    routine: (message, fields) => write("info", "not-terminal", message, fields),
    record: (lineLevel, message, fields) => write(lineLevel, "file", message, fields),
    close: () => closeLogger(logger, file),
  };
}

/** The logger's own "finish" comes before the file's last bytes are written. */
async function closeLogger(logger: Logger, file: transports.FileTransportInstance | null): Promise<void> {
  const written =
    file === null ? undefined : Promise.race([once(file, "finish"), once(file, "close")]).catch(() => {});
  const ended = once(logger, "finish");
  logger.end();
  await Promise.all([written, ended]);
}

function lineStream(writeLine: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      writeLine(chunk.replace(/\n$/, ""));
      done();
    },
  });
}
