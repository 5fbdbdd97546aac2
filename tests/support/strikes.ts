import type { Fault, FaultPoint } from "../../local/convex/faults.js";

/** A fault and where it strikes. */
export type Strike = readonly [where: FaultPoint, fault: Fault];

export function answer(status: number, code: string, retryAfter?: string): Fault {
  return { kind: "answer", status, code, ...(retryAfter !== undefined && { retryAfter }) };
}

export const CUT: Fault = { kind: "cut" };

/** A date of HTTP, which has whole seconds. */
export function httpDate(inMs: number): string {
  return new Date(Date.now() + inMs).toUTCString();
}
