import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { SyncError } from "../model/errors.js";

const MARK = "# Written by `datahub-sync local`, and removed when it ends.";

/** Values that neither a shell nor dotenv reads as anything but themselves. */
const PLAIN = /^[A-Za-z0-9_./:@%+,=?-]*$/;

/** @throws SyncError USAGE if the file holds something that `local` has not written: it may be somebody's secrets */
export function refuseForeignEnvFile(path: string): void {
  if (!existsSync(path) || readFileSync(path, "utf8").startsWith(MARK)) return;
  throw new SyncError({
    code: "USAGE",
    message: `--write-env would overwrite ${path}, which was written by somebody else.`,
    remedy: "Name a file that does not exist, or remove this one.",
  });
}

/** Writes variables so that dotenv and a shell (`. FILE`) read the same, for the owner's eyes only. */
export function writeEnvFile(path: string, variables: Readonly<Record<string, string>>): void {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`);
  rmSync(path, { force: true }); // an existing file would keep its mode
  writeFileSync(path, [MARK, ...lines, ""].join("\n"), { mode: 0o600 });
}

/** Removes a file that still is what was written. */
export function removeEnvFile(path: string): void {
  if (existsSync(path) && readFileSync(path, "utf8").startsWith(MARK)) rmSync(path);
}

function quote(value: string): string {
  if (PLAIN.test(value)) return value;
  if (/['\n]/.test(value)) throw new Error("a value with a quote or a line break does not fit an env file");
  return `'${value}'`;
}
