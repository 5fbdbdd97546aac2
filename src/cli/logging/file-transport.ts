import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { transports } from "winston";

export const LOG_FILE = "datahub-sync.log";

const MAX_BYTES = 5 * 1024 * 1024;
const MAX_FILES = 5;

/**
 * The log file: datahub-sync.log is the newest, datahub-sync1.log the one before it.
 * @throws what the file system says, if it cannot be written
 */
export function openLogFile(directory: string, maxBytes = MAX_BYTES): transports.FileTransportInstance {
  mkdirSync(directory, { recursive: true });
  const filename = join(directory, LOG_FILE);
  // winston would report both only with the first line, as an event in the middle of a run.
  accessSync(directory, constants.W_OK);
  if (existsSync(filename)) accessSync(filename, constants.W_OK);
  return new transports.File({ filename, maxsize: maxBytes, maxFiles: MAX_FILES, tailable: true });
}
