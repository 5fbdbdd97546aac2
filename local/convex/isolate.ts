import { CallRefused, outOfTime } from "./errors.js";
import { MAX_DATABASE_MS, MAX_HEAP_BYTES, MAX_OWN_MS, READS_AT_ONCE } from "./limits.js";

/**
 * What an execution of a function costs, as a model: the same on every machine, and no clock is read. Given, even without a
 * field, Convex's limits are enforced by it.
 */
export interface IsolateOptions {
  /** A trip to the database, with the wait for a permit after it. Default 1 ms. */
  tripMs?: number;
  /** Convex's limits by default. */
  maxOwnMs?: number;
  maxHeapBytes?: number;
  maxDatabaseMs?: number;
}

/**
 * Own time: everything that crosses between the function and the database is parsed or printed as JSON, and converted,
 * and hardly anything else takes time in functions such as ours. Measured on a core of a small server: `applyBatch` of
 * 165 wide rows (1.1 MB) 59 to 101 ms, of 400 rows with 100 nested fields 194 to 251 ms; the model says 70 and 211.
 */
const MS_PER_VALUE = 0.002;
const MS_PER_CHARACTER = 0.000_005;

/**
 * Heap: what the function was given, and what it returns, taken to be held until its end. Measured: a page of 500
 * documents with 250 nested fields ran out of 64 MiB, and so did texts of 3,000 characters from 3,200 documents with
 * three of them on. A function that lets documents go, as one that reads a stream of them, needs less than this says.
 */
const BYTES_PER_VALUE = 250;
const BYTES_PER_CHARACTER = 1;

/** Reads that are asked for together are served together; everything else is a trip of its own. */
const READS = new Set(["1.0/get", "1.0/queryStreamNext"]);

/**
 * One execution of a function, and what it has used. Past a limit the function is ended: it can't catch that, and nothing of
 * it is committed.
 */
export class Isolate {
  ownMs = 0;
  heapBytes = 0;
  databaseMs = 0;
  /** Why it was ended: a refusal of the call, or what the function failed with. */
  ended: CallRefused | Error | null = null;
  #readsUnderWay = 0;
  /** Of the reads that were asked for together. */
  #readsTogether = 0;
  readonly #tripMs: number;
  readonly #maxOwnMs: number;
  readonly #maxHeapBytes: number;
  readonly #maxDatabaseMs: number;

  constructor(options: IsolateOptions) {
    this.#tripMs = options.tripMs ?? 1;
    this.#maxOwnMs = options.maxOwnMs ?? MAX_OWN_MS;
    this.#maxHeapBytes = options.maxHeapBytes ?? MAX_HEAP_BYTES;
    this.#maxDatabaseMs = options.maxDatabaseMs ?? MAX_DATABASE_MS;
  }

  /** The function is given a JSON text (its arguments, a result), or returns one. */
  hold(text: string): void {
    const values = this.#cross(text);
    this.heapBytes += values * BYTES_PER_VALUE + text.length * BYTES_PER_CHARACTER;
    this.#check();
  }

  /** A system call with its arguments, as JSON texts both. */
  call(args: string, perform: () => string): string {
    this.#cross(args);
    this.#check();
    const result = perform();
    this.hold(result);
    return result;
  }

  async callAsync(operation: string, args: string, perform: () => string | Promise<string>): Promise<string> {
    this.#cross(args);
    const isRead = READS.has(operation);
    this.databaseMs += isRead ? this.#joinReads() : this.#tripMs;
    this.#check();
    try {
      // Reads asked for in one go are all under way before the first is answered.
      await Promise.resolve();
      this.#check();
      const result = await perform();
      this.hold(result);
      return result;
    } finally {
      if (isRead) this.#readsUnderWay -= 1;
    }
  }

  /** What this read adds: a trip where it begins one. */
  #joinReads(): number {
    if (this.#readsUnderWay === 0) this.#readsTogether = 0;
    this.#readsUnderWay += 1;
    this.#readsTogether += 1;
    return this.#readsTogether % READS_AT_ONCE === 1 ? this.#tripMs : 0;
  }

  #cross(text: string): number {
    const values = countValues(text);
    this.ownMs += values * MS_PER_VALUE + text.length * MS_PER_CHARACTER;
    return values;
  }

  #check(): void {
    this.ended ??= this.#exceeded();
    if (this.ended !== null) throw this.ended;
  }

  #exceeded(): CallRefused | Error | null {
    if (this.databaseMs > this.#maxDatabaseMs) {
      return new CallRefused(
        400,
        "SystemTimeoutError",
        "Your request timed out. Performance problems are often caused by reading or writing too much data.",
      );
    }
    if (this.ownMs > this.#maxOwnMs) {
      return outOfTime(this.#maxOwnMs);
    }
    if (this.heapBytes > this.#maxHeapBytes) {
      return new Error(
        `JavaScript execution ran out of memory (maximum memory usage: ${this.#maxHeapBytes} bytes)`,
      );
    }
    return null;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/** Values in a JSON text, objects and arrays among them, to within the empty ones. */
function countValues(json: string): number {
  let values = 1;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (isText) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    else if (code === COMMA || code === BRACKET || code === BRACE) values++;
  }
  return values;
}
