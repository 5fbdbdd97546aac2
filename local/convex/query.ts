import type { DocumentValue, StoredDocument } from "./document.js";
import { compileFilter } from "./filter.js";
import { planScan, type QueryJson, type Scan } from "./index-range.js";
import type { IndexKey } from "./order.js";
import type { ReadRange } from "./store.js";
import type { Transaction } from "./transaction.js";

/**
 * A query while it runs. Each step looks the next document up anew from the last position, so it sees what
 * the function has written meanwhile. Only what was really walked over counts as read.
 */
export class RunningQuery {
  readonly #operators: ({ passes: (value: DocumentValue) => boolean } | { left: number })[];
  #read: ReadRange | null = null;
  #position: IndexKey | null;
  #ended = false;

  constructor(
    private readonly transaction: Transaction,
    readonly scan: Scan,
    operators: QueryJson["operators"],
    /** Where an earlier page ended. */
    after: IndexKey | null = null,
  ) {
    this.#position = after;
    this.#operators = operators.map((operator) =>
      "filter" in operator ? { passes: compileFilter(operator.filter) } : { left: operator.limit },
    );
  }

  static start(transaction: Transaction, query: QueryJson): RunningQuery {
    const scan = planScan(query.source, (name) => transaction.table(name));
    return new RunningQuery(transaction, scan, query.operators);
  }

  /** The next document that passes, or null when there is none. */
  next(): StoredDocument | null {
    for (;;) {
      const document = this.step();
      if (document === null) return null;
      if (this.passes(document)) return document;
    }
  }

  /** Whether the last step left no more to read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next document of the range, filters not yet applied. */
  step(): StoredDocument | null {
    const { tableName, index, order } = this.scan;
    const used = this.#operators.some((operator) => "left" in operator && operator.left <= 0);
    if (this.#ended || used) {
      this.#ended = true;
      return null;
    }
    const rest = this.#remaining();
    this.#read ??= this.transaction.noteRange(tableName, index, rest);
    const document = this.transaction.table(tableName)?.first(index, rest, order);
    this.#widen(this.#read, document ? document.keyIn(index) : null);
    if (document === undefined) {
      this.#ended = true;
      return null;
    }
    this.#position = document.keyIn(index);
    this.transaction.noteRead(document, index);
    return document;
  }

  passes(document: StoredDocument): boolean {
    let value: DocumentValue | null = null;
    for (const operator of this.#operators) {
      if ("passes" in operator) {
        if (!operator.passes((value ??= document.value()))) return false;
      } else if (operator.left-- <= 0) {
        return false;
      }
    }
    return true;
  }

  #remaining() {
    const { range, order } = this.scan;
    if (this.#position === null) return range;
    return order === "asc"
      ? { lower: this.#position, upper: range.upper }
      : { lower: range.lower, upper: this.#position };
  }

  /** Extends what counts as read up to a key, or to the end of the range. */
  #widen(read: ReadRange, to: IndexKey | null): void {
    const { range, order } = this.scan;
    if (order === "asc") read.upper = to ?? range.upper;
    else read.lower = to ?? range.lower;
  }
}
