import type { FunctionKind } from "./call.js";
import { seededRandom } from "./random.js";

/**
 * Moments of a call over HTTP where something can go wrong. Up to `beforeCommit` nothing is written; from
 * `afterCommit` on everything is, whatever the caller then hears.
 */
export type FaultPoint = "beforeCall" | "beforeCommit" | "afterCommit" | "beforeAnswer" | "midAnswer";

export type Fault =
  | { kind: "delay"; delayMs: number }
  /** Answer with this status. Before the commit it prevents it. Not possible at `midAnswer`. */
  | { kind: "answer"; status: number; code: string; message?: string; retryAfter?: string }
  /** Let the commit fail as if another transaction had come first. Only at `beforeCommit`. */
  | { kind: "conflict" }
  /** Cut the connection; at `midAnswer` after half of the answer's bytes. */
  | { kind: "cut" };

export interface FaultRequest {
  /** 1 for the first call since the deployment was made. */
  number: number;
  kind: FunctionKind;
  path: string;
  /** 1 for the first run; the server runs a mutation again after a conflict. */
  attempt: number;
}

/** Asked at every point of every call; null lets it go on. */
export type Faults = (point: FaultPoint, request: FaultRequest) => Fault | null;

/** Thrown where the connection is to be cut. */
export class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
}

export interface FaultProbabilities {
  /** A delay before the call, uniform up to `maxDelayMs`. */
  delay?: number;
  maxDelayMs?: number;
  /** 429 TooManyConcurrentRequests before the call. */
  tooManyRequests?: number;
  /** 503 of the kinds that Convex answers when it has not run the call. */
  overloaded?: number;
  /** 400 SystemTimeoutError: its database time and waits took too long. */
  systemTimeout?: number;
  /** A conflict at the commit: the server retries it, then answers 503. */
  conflict?: number;
  /** 500 after the commit. */
  failedAfterCommit?: number;
  cutBeforeCall?: number;
  cutAfterCommit?: number;
  cutMidAnswer?: number;
}

const OVERLOAD_CODES = ["CommitterFullError", "ExpiredInQueue", "ExecuteFullError", "WorkerOverloaded"];

/** Faults at random, with these probabilities for each call, the same for the same seed and order of calls. */
export function randomFaults(seed: number, odds: FaultProbabilities): Faults {
  const random = seededRandom(seed);
  const strikes = (probability: number | undefined) => random() < (probability ?? 0);
  return (point) => {
    switch (point) {
      case "beforeCall":
        if (strikes(odds.cutBeforeCall)) return { kind: "cut" };
        if (strikes(odds.tooManyRequests)) {
          return { kind: "answer", status: 429, code: "TooManyConcurrentRequests" };
        }
        if (strikes(odds.systemTimeout)) return { kind: "answer", status: 400, code: "SystemTimeoutError" };
        if (strikes(odds.overloaded)) {
          const code = OVERLOAD_CODES[Math.floor(random() * OVERLOAD_CODES.length)]!;
          return { kind: "answer", status: 503, code };
        }
        return strikes(odds.delay) ? { kind: "delay", delayMs: random() * (odds.maxDelayMs ?? 50) } : null;
      case "beforeCommit":
        return strikes(odds.conflict) ? { kind: "conflict" } : null;
      case "afterCommit":
        if (strikes(odds.cutAfterCommit)) return { kind: "cut" };
        return strikes(odds.failedAfterCommit)
          ? { kind: "answer", status: 500, code: "InternalServerError" }
          : null;
      case "beforeAnswer":
        return null;
      case "midAnswer":
        return strikes(odds.cutMidAnswer) ? { kind: "cut" } : null;
    }
  };
}
