import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { guardProcess } from "../../../src/cli/process-guard.js";
import type { Clock } from "../../../src/model/clock.js";
import { SyncError } from "../../../src/model/errors.js";
import { frozenClock } from "../../support/fake-io.js";
import { idle } from "../../support/virtual-clock.js";

function guarded({ isAbandoned = null }: { isAbandoned?: (() => boolean) | null } = {}) {
  const host = new EventEmitter();
  const exits: number[] = [];
  const said: string[] = [];
  const sleeps: { ms: number; wake: () => void }[] = [];
  const clock: Clock = {
    ...frozenClock,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleeps.push({ ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  };
  const guard = guardProcess({
    host,
    exit: (code) => exits.push(code),
    clock,
    isAbandoned,
    say: (line) => said.push(line),
  });
  return { host, exits, said, sleeps, guard, reason: () => guard.signal.reason as SyncError };
}

describe("the process guard", () => {
  it.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])("%s asks the run to end; a second one ends the process with %i", (name, code) => {
    const { host, exits, said, guard, reason } = guarded();
    expect(guard.signal.aborted).toBe(false);
    host.emit(name, name);
    expect(reason()).toBeInstanceOf(SyncError);
    expect(reason()).toMatchObject({
      code: "INTERRUPTED",
      exitCode: 1,
      message: `The run was stopped by ${name}.`,
    });
    expect(said).toEqual([`${name}: stopping in order; once more stops at once.`]);
    expect(exits).toEqual([]);
    host.emit(name, name);
    expect(exits).toEqual([code]);
  });

  it("ends the run when a driver throws outside of any promise, and the process when the run does not notice", async () => {
    const { host, exits, sleeps, reason } = guarded();
    const cause = Object.assign(new Error("write CONNECTION_CLOSED"), { code: "CONNECTION_CLOSED" });
    host.emit("uncaughtException", cause, "uncaughtException");
    expect(reason()).toMatchObject({
      code: "DATABASE_FAILED",
      message: "A connection to Postgres broke (CONNECTION_CLOSED).",
      cause,
    });
    expect(exits).toEqual([]);
    expect(sleeps.map(({ ms }) => ms)).toEqual([5_000]);
    sleeps[0]!.wake();
    await Promise.resolve();
    await Promise.resolve();
    expect(exits).toEqual([1]);
  });

  it("ends the run when npm is gone, which would have been told to end it", async () => {
    let isGone = false;
    const { sleeps, said, guard, reason } = guarded({ isAbandoned: () => isGone });
    sleeps[0]!.wake();
    await idle();
    expect(guard.signal.aborted).toBe(false);
    isGone = true;
    sleeps[1]!.wake();
    await idle();
    expect(reason()).toMatchObject({ code: "INTERRUPTED", exitCode: 1 });
    expect(said).toEqual(["npm is gone: stopping in order."]);
  });

  it("leaves a run alone that ends in time", async () => {
    const { host, exits, guard } = guarded();
    host.emit("unhandledRejection", Object.assign(new Error(), { code: "57P01" }), Promise.resolve());
    guard.release();
    await idle();
    expect(exits).toEqual([]);
  });

  it("calls an error without a code a bug", () => {
    const { host, reason } = guarded();
    host.emit("uncaughtException", new TypeError("x"));
    expect(reason()).toMatchObject({ code: "INTERNAL", exitCode: 1 });
  });

  it("keeps the first reason", () => {
    const { host, reason } = guarded();
    host.emit("SIGTERM", "SIGTERM");
    host.emit("uncaughtException", Object.assign(new Error(), { code: "CONNECTION_CLOSED" }));
    expect(reason().code).toBe("INTERRUPTED");
  });

  it("listens no more when it is released", () => {
    const { host, guard } = guarded();
    guard.release();
    for (const event of ["SIGHUP", "SIGINT", "SIGTERM", "uncaughtException", "unhandledRejection"]) {
      expect(host.listenerCount(event)).toBe(0);
    }
  });
});
