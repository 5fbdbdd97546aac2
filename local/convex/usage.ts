/** What Convex bills, and counts against its limits. Bytes of documents include their system fields. */
export interface TableUsage {
  documentsRead: number;
  documentsWritten: number;
  /** Whole documents, and the index keys that led to them. */
  bytesRead: number;
  /** Whole documents, and their keys in the table's own indexes. A deletion writes no bytes. */
  bytesWritten: number;
}

export interface Usage extends TableUsage {
  calls: number;
  queries: number;
  mutations: number;
  /** Calls that ended in an error or a refusal; they are among `calls`. */
  failedCalls: number;
  /** How often a mutation met another's commit and had to run again, or was refused for it at last. */
  conflicts: number;
  byTable: Record<string, TableUsage>;
  /** The largest single transaction so far, quantity by quantity: how near the limits calls have come. */
  largest: {
    documentsRead: number;
    bytesRead: number;
    documentsWritten: number;
    bytesWritten: number;
    databaseQueries: number;
  };
}

const emptyTable = (): TableUsage => ({
  documentsRead: 0,
  documentsWritten: 0,
  bytesRead: 0,
  bytesWritten: 0,
});

const emptyUsage = (): Usage => ({
  calls: 0,
  queries: 0,
  mutations: 0,
  failedCalls: 0,
  conflicts: 0,
  ...emptyTable(),
  byTable: {},
  largest: {
    documentsRead: 0,
    bytesRead: 0,
    documentsWritten: 0,
    bytesWritten: 0,
    databaseQueries: 0,
  },
});

/** I/O of one call, by table. */
export class CallUsage {
  readonly byTable = new Map<string, TableUsage>();

  add(table: string, io: Partial<TableUsage>): void {
    let sum = this.byTable.get(table);
    if (sum === undefined) this.byTable.set(table, (sum = emptyTable()));
    addTo(sum, io);
  }
}

/** The deployment's meter. Reads count as soon as a call has made them, writes once they are committed. */
export class UsageMeter {
  #usage = emptyUsage();

  countCall(kind: "query" | "mutation" | "action"): void {
    this.#usage.calls++;
    if (kind === "query") this.#usage.queries++;
    if (kind === "mutation") this.#usage.mutations++;
  }

  countFailure(): void {
    this.#usage.failedCalls++;
  }

  countConflict(): void {
    this.#usage.conflicts++;
  }

  add(call: CallUsage): void {
    for (const [table, io] of call.byTable) {
      addTo(this.#usage, io);
      addTo((this.#usage.byTable[table] ??= emptyTable()), io);
    }
  }

  noteLargest(used: Partial<Usage["largest"]>): void {
    for (const [name, amount] of Object.entries(used) as [keyof Usage["largest"], number][]) {
      this.#usage.largest[name] = Math.max(this.#usage.largest[name], amount);
    }
  }

  read(): Usage {
    return structuredClone(this.#usage);
  }

  /** Starts from zero and returns what had been counted. */
  reset(): Usage {
    const usage = this.#usage;
    this.#usage = emptyUsage();
    return usage;
  }
}

function addTo(sum: TableUsage, io: Partial<TableUsage>): void {
  sum.documentsRead += io.documentsRead ?? 0;
  sum.documentsWritten += io.documentsWritten ?? 0;
  sum.bytesRead += io.bytesRead ?? 0;
  sum.bytesWritten += io.bytesWritten ?? 0;
}
