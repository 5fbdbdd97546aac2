import { expect, test } from "vitest";
import { CallBudget } from "../../../src/sink/call-budget.js";

test("calls of all mirrors together are as many as are allowed, first come, first served", async () => {
  const budget = new CallBudget(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const calls = [0, 1, 2, 3].map((n) =>
    budget.run(() => {
      begun.push(n);
      return new Promise<void>((resolve) => (ends[n] = resolve));
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await calls[1];
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await calls[2];
  ends[3]!();
  await Promise.all(calls);
});

test("batches in memory are twice as many; whoever waits hears of the next one that is settled", async () => {
  const budget = new CallBudget(2);
  await budget.nextSettled();
  for (let n = 0; n < 4; n++) {
    expect(budget.isFull).toBe(false);
    budget.batchCut();
  }
  expect(budget.isFull).toBe(true);
  const told = [budget.nextSettled(), budget.nextSettled()];
  budget.batchSettled();
  await Promise.all(told);
  expect(budget.isFull).toBe(false);
});
