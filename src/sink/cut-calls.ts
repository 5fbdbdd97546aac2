import { SyncError } from "../model/errors.js";
import { ConvexCallError } from "./convex-call-error.js";
import { decide } from "./retry-policy.js";

/**
 * How much one call asks for, of one mirror. What was too much for a transaction is asked for again at half the amount, and so is what
 * comes after it.
 */
export class CallAmounts {
  /** By function. */
  readonly #mostAtOnce = new Map<string, number>();

  /** @param ask is told the amount, and whether it can still be cut */
  async ask<Result>(
    name: string,
    wanted: number,
    ask: (amount: number, canCut: boolean) => Promise<Result>,
  ): Promise<Result> {
    for (;;) {
      const amount = Math.min(wanted, this.#mostAtOnce.get(name) ?? Infinity);
      try {
        return await ask(amount, amount > 1);
      } catch (error) {
        if (!isTooMuch(error) || amount <= 1) throw error;
        this.#mostAtOnce.set(name, Math.ceil(amount / 2));
      }
    }
  }
}

/**
 * Calls for all of these, a part of them at a time; a part that is too much for a transaction is cut in half.
 * @returns the results of all parts, in order
 */
export async function inParts<Item, Result>(
  items: readonly Item[],
  most: number,
  call: (part: Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  const parts: Item[][] = [];
  for (let from = 0; from < items.length; from += most) parts.push(items.slice(from, from + most));
  const results: Result[] = [];
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    try {
      results.push(...(await call(part)));
    } catch (error) {
      if (!isTooMuch(error) || part.length <= 1) throw error;
      const middle = Math.ceil(part.length / 2);
      parts.unshift(part.slice(0, middle), part.slice(middle));
    }
  }
  return results;
}

/** Fewer of the same may pass. */
function isTooMuch(error: unknown): boolean {
  const cause = error instanceof SyncError ? error.cause : null;
  return cause instanceof ConvexCallError && decide(cause).action === "split";
}
