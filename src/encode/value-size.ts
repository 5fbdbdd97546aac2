import { Unencodable, type Meter } from "./codec.js";

/**
 * Sizes as Convex counts them (convex/values, size.ts). Encoding counts while it walks a value anyway: calling
 * `getDocumentSize` on the finished document would walk it a second time, which costs more than all the rest. The
 * tests hold the two equal.
 */
export const SIZE = {
  null: 1,
  boolean: 1,
  number: 9,
  int64: 9,
  /** Beside the UTF-8 bytes. */
  string: 2,
  /** Beside the bytes. */
  bytes: 2,
  /** An array or an object, beside what is in it. */
  container: 2,
  /** A key of an object, beside its bytes. */
  key: 1,
} as const;

/** Below this length a loop beats the call into native code. */
const SHORT_TEXT = 48;

/** Charges a string, and checks that it is Unicode: Convex refuses lone surrogates. */
export function chargeText(text: string, meter: Meter): void {
  if (!isWellFormed(text)) {
    throw new Unencodable("INVALID_UNICODE", "a string holds a lone surrogate, which is not valid Unicode");
  }
  meter.bytes += SIZE.string + countUtf8Bytes(text);
}

export function countUtf8Bytes(text: string): number {
  if (text.length <= SHORT_TEXT) {
    let at = 0;
    while (at < text.length && text.charCodeAt(at) < 0x80) at++;
    if (at === text.length) return at;
  }
  return Buffer.byteLength(text);
}

/** `String.prototype.isWellFormed` exists from Node 20 on; TypeScript declares it with ES2024 only. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
