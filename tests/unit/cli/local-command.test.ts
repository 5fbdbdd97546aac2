import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { fakeIo } from "../../support/fake-io.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

describe("local", () => {
  const environment = {
    DATABASE_URL: "postgresql://postgres:pw@127.0.0.1:5555/datahub",
    CONVEX_URL: "http://127.0.0.1:3333",
  };

  const INTERRUPTED = new SyncError({ code: "INTERRUPTED", message: "-", remedy: "-" });

  function localIo() {
    const io = fakeIo({ cwd: cli.cwd });
    const stop = vi.fn(() => Promise.resolve());
    let fail: (error: Error) => void = () => {};
    const failed = new Promise<never>((_, reject) => (fail = reject));
    failed.catch(() => {});
    const ready = new Promise<void>((resolve) => {
      cli.commands.local.mockImplementation(() => {
        setImmediate(resolve);
        return Promise.resolve({
          description: { convexUrl: environment.CONVEX_URL },
          environment,
          failed,
          stop,
        });
      });
    });
    return { io, stop, fail, ready };
  }

  it("prints one JSON line when it is ready, and ends in order with the signal", async () => {
    const { io, stop, ready } = localIo();
    const ended = cli.run("local --scale 0.1 --seed 7 --port 4000 --write-env .env.demo", { io });
    await ready;
    expect(JSON.parse(io.stdout.text)).toEqual({
      ready: true,
      convexUrl: "http://127.0.0.1:3333",
      envFile: join(cli.cwd, ".env.demo"),
    });
    expect(readFileSync(join(cli.cwd, ".env.demo"), "utf8")).toContain("CONVEX_URL=http://127.0.0.1:3333\n");
    expect(stop).not.toHaveBeenCalled();
    io.abort.abort(INTERRUPTED);
    expect((await ended).exitCode).toBe(0);
    expect(stop).toHaveBeenCalledOnce();
    expect(cli.commands.local.mock.lastCall![0]).toMatchObject({ scale: 0.1, seed: 7, port: 4000 });
    expect(existsSync(join(cli.cwd, ".env.demo"))).toBe(false);
    expect(existsSync(join(cli.cwd, "logs"))).toBe(false);
  });

  it("has defaults, and shows no secret in its ready line", async () => {
    const { io, ready } = localIo();
    const ended = cli.run("local", { io });
    await ready;
    expect(cli.commands.local.mock.lastCall![0]).toMatchObject({ scale: 1, seed: 1, port: null });
    expect(JSON.parse(io.stdout.text)).toEqual({
      ready: true,
      convexUrl: "http://127.0.0.1:3333",
      envFile: null,
    });
    io.abort.abort(INTERRUPTED);
    expect((await ended).exitCode).toBe(0);
  });

  it("ends with an error, and stops the other one, when one of the two ends by itself", async () => {
    const { io, stop, fail, ready } = localIo();
    const ended = cli.run("local --write-env .env.demo", { io });
    await ready;
    fail(
      new SyncError({
        code: "DATABASE_FAILED",
        message: "The local Postgres has ended.",
        remedy: "Start again.",
      }),
    );
    const { exitCode, err } = await ended;
    expect(exitCode).toBe(1);
    expect(err).toContain("error: The local Postgres has ended.");
    expect(stop).toHaveBeenCalledOnce();
    expect(existsSync(join(cli.cwd, ".env.demo"))).toBe(false);
  });

  it("is never ready when the signal came while it started, and stops what it started", async () => {
    const { io, stop } = localIo();
    io.abort.abort(INTERRUPTED);
    expect(await cli.run("local --write-env .env.demo", { io })).toMatchObject({ exitCode: 0, out: "" });
    expect(stop).toHaveBeenCalledOnce();
  });

  it("has failed when anything but a signal ends it", async () => {
    const { io, stop, ready } = localIo();
    const ended = cli.run("local", { io });
    await ready;
    io.abort.abort(new SyncError({ code: "DATABASE_FAILED", message: "A connection broke.", remedy: "-" }));
    expect((await ended).exitCode).toBe(1);
    expect(stop).toHaveBeenCalledOnce();
  });

  it("starts nothing where --write-env would overwrite somebody's file", async () => {
    writeFileSync(join(cli.cwd, ".env"), "DATABASE_URL=postgresql://production\n");
    const { exitCode, err } = await cli.run("local --write-env .env");
    expect(exitCode).toBe(2);
    expect(err).toContain("which was written by somebody else");
    expect(cli.commands.local).not.toHaveBeenCalled();
  });
});
