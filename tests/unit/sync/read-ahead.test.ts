import { expect, test } from "vitest";
import { readAhead } from "../../../src/sync/read-ahead.js";
import { idle } from "../../support/virtual-clock.js";

/** Counts up, and writes down what happens. */
async function* countTo(last: number, log: string[]): AsyncGenerator<number> {
  try {
    for (let number = 1; number <= last; number++) {
      log.push(`read ${number}`);
      yield await Promise.resolve(number);
    }
  } finally {
    log.push("closed");
  }
}

test("the next item is read while the last one is worked on, and no further", async () => {
  const log: string[] = [];
  for await (const number of readAhead(countTo(3, log))) {
    await idle();
    log.push(`work on ${number}`);
  }
  expect(log).toEqual(["read 1", "read 2", "work on 1", "read 3", "work on 2", "closed", "work on 3"]);
});

test("work that fails closes the source", async () => {
  const log: string[] = [];
  const work = async () => {
    for await (const number of readAhead(countTo(3, log))) {
      await idle();
      throw new Error(`work on ${number} failed`);
    }
  };
  await expect(work()).rejects.toThrow("work on 1 failed");
  expect(log).toEqual(["read 1", "read 2", "closed"]);
});

test("a failure to read is told at its turn, and only once", async () => {
  const seen: number[] = [];
  async function* failing(): AsyncGenerator<number> {
    yield await Promise.resolve(1);
    throw new Error("page 2 failed");
  }
  const work = async () => {
    for await (const number of readAhead(failing())) {
      await idle();
      seen.push(number);
    }
  };
  await expect(work()).rejects.toThrow("page 2 failed");
  expect(seen).toEqual([1]);
});

test("nothing is nothing", async () => {
  for await (const number of readAhead(countTo(0, []))) throw new Error(`unexpected ${number}`);
});
