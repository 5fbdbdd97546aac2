import { once } from "node:events";
import { Writable } from "node:stream";
import { createLogger, format, transports } from "winston";
import type { Clock } from "../../model/clock.js";
import type { LogLevel } from "../../model/config.js";
import { formatForCron, formatForTerminal } from "./line-format.js";
import { LogFile } from "./log-file.js";
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
  /** Bytes after which another file is begun. */
  maxFileBytes?: number;
  scrubber: Scrubber;
  clock: Clock;
}

/** Fields never hold a row value; secrets are taken out of them. */
type Write = (message: string, fields?: Record<string, unknown>) => void;

export interface CliLog {
  error: Write;
  warn: Write;
  info: Write;
  debug: Write;
  /** As `info`, but not on a terminal, where the progress bar tells it already. */
  routine: Write;
  /** To the file alone: what standard output or standard error shows in another form. */
  record: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  /** Waits until everything is written. Nothing may be logged after it. */
  close: () => Promise<void>;
}

/** Where a line goes; not part of what is written. */
type Audience = "everyone" | "not-terminal" | "file";
const AUDIENCE = Symbol("audience");
/** Where winston keeps the finished line. */
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

  let file: LogFile | "not-opened" | null = directory === null ? null : "not-opened";
  const appendToFile = (line: string): void => {
    try {
      if (file === "not-opened") file = new LogFile(directory!, options.maxFileBytes);
      file?.append(line);
    } catch (error) {
      file = null;
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      log.warn(`The log file in ${directory} cannot be written (${code}); going on without it.`);
    }
  };
  const targets = [
    new transports.Stream({
      stream: lineStream((line) => screen.writeLine(line)),
      eol: "\n",
      format: format.combine(forScreen(), onTerminal ? formatForTerminal(colour) : formatForCron(), scrub()),
    }),
    new transports.Stream({
      stream: lineStream(appendToFile),
      eol: "\n",
      format: format.combine(format.json({ deterministic: false }), scrub()),
    }),
  ];
  const logger = createLogger({ level, transports: targets });
  const write =
    (lineLevel: LogLevel, audience: Audience): Write =>
    (message, fields = {}) => {
      const time = new Date(clock.now()).toISOString();
      logger.log({ time, level: lineLevel, message, ...fields, [AUDIENCE]: audience });
    };

  const log: CliLog = {
    error: write("error", "everyone"),
    warn: write("warn", "everyone"),
    info: write("info", "everyone"),
    debug: write("debug", "everyone"),
    routine: write("info", "not-terminal"),
    record: (lineLevel, message, fields) => write(lineLevel, "file")(message, fields),
    close: async () => {
      const written = Promise.all(targets.map((target) => once(target, "finish")));
      logger.end();
      await written;
      if (file instanceof LogFile) file.close();
    },
  };
  return log;
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
