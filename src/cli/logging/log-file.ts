import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const NAME = "datahub-sync";
const MAX_BYTES = 5 * 1024 * 1024;
const MAX_FILES = 5;

/**
 * The log file and its older ones: datahub-sync.log is the newest, datahub-sync1.log the one before.
 *
 * Lines are few, so each is written at once: nothing is lost when the process is killed, and a full disk is an error
 * here. winston's own file transport, as of 3.19, never ends on a full disk, and stops for ever when lines come faster
 * than it renames files (winston issue 2354); a run that waits for its log would hang with it.
 */
export class LogFile {
  readonly #directory: string;
  readonly #maxBytes: number;
  #file: number;
  #bytes: number;

  /** @throws what the file system says, if it cannot be written; so does `append` */
  constructor(directory: string, maxBytes = MAX_BYTES) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    makeFolder(directory);
    this.#file = openSync(path(directory, 0), "a");
    this.#bytes = fstatSync(this.#file).size;
  }

  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#maxBytes) this.#rotate();
    writeSync(this.#file, bytes);
    this.#bytes += bytes.length;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Another process may be writing: it goes on in the file that it has open, whatever its name. */
  #rotate(): void {
    closeSync(this.#file);
    for (let age = MAX_FILES - 1; age > 0; age--) {
      const younger = path(this.#directory, age - 1);
      if (existsSync(younger)) renameSync(younger, path(this.#directory, age));
    }
    this.#file = openSync(path(this.#directory, 0), "a");
    this.#bytes = 0;
  }
}

/**
 * Folder by folder, from the one that exists: with `recursive`, mkdir of Node 20 to 24 never returns below /proc, where a folder cannot
 * be made in one that is there.
 */
function makeFolder(directory: string): void {
  if (existsSync(directory)) return;
  makeFolder(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    // Another process may have been first.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function path(directory: string, age: number): string {
  return join(directory, `${NAME}${age === 0 ? "" : age}.log`);
}
