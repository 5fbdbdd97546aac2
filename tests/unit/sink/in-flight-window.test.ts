import { describe, expect, test } from "vitest";
import { InFlightWindow } from "../../../src/sink/in-flight-window.js";
import { idle } from "../../support/virtual-clock.js";

/** Starts calls in a window that end when they are told to. */
function startCalls(window: InFlightWindow, count: number) {
  const slots: number[] = [];
  const ends: (() => void)[] = [];
  const calls = Array.from({ length: count }, () =>
    window.run((slot) => {
      slots.push(slot);
      return new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  return { slots, ends, calls };
}

describe("the calls in flight", () => {
  test("are as many as the window is wide, each in a slot of its own", async () => {
    const { slots, ends } = startCalls(new InFlightWindow(3), 5);
    await idle();
    expect(slots).toEqual([0, 1, 2]);
    ends[1]!();
    await idle();
    expect(slots).toEqual([0, 1, 2, 1]);
  });

  test("give their slot back when they fail", async () => {
    const window = new InFlightWindow(1);
    await expect(window.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(window.run((slot) => Promise.resolve(slot))).resolves.toBe(0);
  });
});

describe("the window's size", () => {
  test("is halved by each push-back, down to one", () => {
    const window = new InFlightWindow(9);
    const sizes = [1, 2, 3, 4, 5].map(() => {
      window.pushedBack();
      return window.size;
    });
    expect(sizes).toEqual([4, 2, 1, 1, 1]);
  });

  test("grows by one after eight successes, up to where it began; a push-back starts the count again", () => {
    const window = new InFlightWindow(4);
    window.pushedBack();
    const succeed = (times: number) => {
      for (let i = 0; i < times; i++) window.succeeded();
      return window.size;
    };
    expect(succeed(7)).toBe(2);
    window.pushedBack();
    expect(succeed(7)).toBe(1);
    expect(succeed(1)).toBe(2);
    expect(succeed(16)).toBe(4);
    expect(succeed(100)).toBe(4);
  });

  test("holds for calls that come after a push-back, and not for those in flight", async () => {
    const window = new InFlightWindow(4);
    const { slots, ends } = startCalls(window, 8);
    await idle();
    window.pushedBack();
    ends.slice(0, 2).forEach((end) => end());
    await idle();
    expect(slots).toHaveLength(4); // two are in flight, as many as may be
    ends[2]!();
    await idle();
    expect(slots).toHaveLength(5);
  });

  test("lets a waiting call in when it grows", async () => {
    const window = new InFlightWindow(2);
    window.pushedBack();
    const { slots } = startCalls(window, 2);
    await idle();
    expect(slots).toHaveLength(1);
    for (let i = 0; i < 8; i++) window.succeeded();
    await idle();
    expect(slots).toHaveLength(2);
  });
});

describe("a task that runs alone", () => {
  test("waits for what is in flight, and what comes later waits for it", async () => {
    const window = new InFlightWindow(2);
    const before = startCalls(window, 2);
    const log: string[] = [];
    let end = () => {};
    void window.runAlone(() => {
      log.push("alone");
      return new Promise<void>((resolve) => (end = resolve));
    });
    const after = startCalls(window, 1);
    await idle();
    before.ends[0]!();
    await idle();
    expect(log).toEqual([]);
    expect(after.slots).toEqual([]); // though there is room
    before.ends[1]!();
    await idle();
    expect(log).toEqual(["alone"]);
    expect(after.slots).toEqual([]);
    end();
    await idle();
    expect(after.slots).toHaveLength(1);
  });

  test("lets others go on when it fails", async () => {
    const window = new InFlightWindow(1);
    await expect(window.runAlone(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(window.run(() => Promise.resolve("yes"))).resolves.toBe("yes");
  });
});

test("once stopped, nothing new begins, and what is in flight is let finish", async () => {
  const window = new InFlightWindow(1);
  const { ends, calls, slots } = startCalls(window, 2);
  const alone = window.runAlone(() => Promise.resolve());
  await idle();
  const reason = new Error("stopped");
  window.stop(reason);
  await expect(calls[1]).rejects.toBe(reason);
  await expect(alone).rejects.toBe(reason);
  await expect(window.run(() => Promise.resolve())).rejects.toBe(reason);
  ends[0]!();
  await expect(calls[0]).resolves.toBeUndefined();
  expect(slots).toHaveLength(1);
});
