import { Writable } from "node:stream";
import type { Clock } from "../../src/model/clock.js";
import type { CliIo, OutputStream } from "../../src/cli/cli-io.js";

/** A stream that keeps what was written. */
export class Captured extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 100;

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** 2025-11-22 10:15:00 UTC: the time at which the tests of the command line take place. */
export const NOW_MS = Date.UTC(2025, 10, 22, 10, 15);

/** A clock that stands still. `sleep` ends only by its signal. */
export const frozenClock: Clock = {
  now: () => NOW_MS,
  random: () => 0.5,
  uuid: () => "00000000-0000-4000-8000-000000000000",
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    }),
};

export interface FakeIo extends CliIo {
  stdout: Captured & OutputStream;
  stderr: Captured & OutputStream;
  abort: AbortController;
}

export function fakeIo(given: { cwd: string; environment?: Record<string, string>; tty?: boolean }): FakeIo {
  const abort = new AbortController();
  return {
    stdout: new Captured(given.tty),
    stderr: new Captured(given.tty),
    environment: given.environment ?? {},
    cwd: given.cwd,
    clock: frozenClock,
    signal: abort.signal,
    abort,
  };
}
