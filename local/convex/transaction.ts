import type { JSONValue } from "convex/values";
import { decodeValue } from "./decode.js";
import { ReadLimitError } from "./errors.js";
import { StoredDocument, SYSTEM_FIELD_BYTES, type DocumentValue } from "./document.js";
import { TRANSACTION_LIMITS, type TransactionLimits } from "./limits.js";
import { prefixRange, type KeyRange } from "./order.js";
import { BY_ID, type IndexDefinition } from "./schema.js";
import type { ReadRange, Snapshot, Store, Write } from "./store.js";
import { Table } from "./table.js";
import { CallUsage } from "./usage.js";
import { describeMismatch, type Validator } from "./validators.js";
import { checkDocument, isUserIdentifier } from "./value-limits.js";
import { logBytes } from "./write-log.js";

type JsonObject = Record<string, JSONValue>;

/**
 * What one function call reads and writes. It works on its own clones of the tables, so it sees its own
 * writes, and undoing is forgetting. Limits are Convex's, and their errors can be caught by the function.
 */
export class Transaction {
  readonly usage = new CallUsage();
  readonly used: TransactionLimits = {
    documentsRead: 0,
    bytesRead: 0,
    documentsWritten: 0,
    bytesWritten: 0,
    databaseQueries: 0,
  };
  readonly reads: ReadRange[] = [];
  #writes = new Map<string, Write>();
  #tables: Map<string, Table>;
  #idsRead = new Set<string>();
  #snapshot: Snapshot;

  constructor(
    private readonly store: Store,
    /** The schema's validators by table; null in a query, which writes nothing. */
    private readonly validators: ReadonlyMap<string, Validator> | null,
    private readonly limits: Readonly<TransactionLimits> = TRANSACTION_LIMITS,
  ) {
    this.#snapshot = store.open();
    this.#tables = this.#snapshot.tables;
  }

  /** Makes the writes visible to others, all at once. Throws ConflictError, and then writes nothing. */
  commit(): void {
    const writes = [...this.#writes.values()].filter(({ before, after }) => before !== after);
    this.store.commit(this.#snapshot, this.#tables, this.reads, writes);
    for (const { before, after } of writes) this.#meterWrite(before, after);
  }

  /** Must be called once, whatever became of the transaction. */
  close(): void {
    this.store.close(this.#snapshot);
  }

  /** What a commit would count against the plan's write throughput. */
  get bytesToLog(): number {
    let bytes = 0;
    for (const write of this.#writes.values()) {
      const { table } = write.after ?? write.before ?? { table: null };
      if (table !== null) bytes += logBytes(write, this.#tables.get(table)?.indexes ?? []);
    }
    return bytes;
  }

  /** Returns a function that undoes what has been written since; what was read stays read. */
  savepoint(): () => void {
    const tables = new Map([...this.#tables].map(([name, table]) => [name, table.clone()]));
    const writes = new Map(this.#writes);
    const { documentsWritten, bytesWritten } = this.used;
    return () => {
      this.#tables = tables;
      this.#writes = writes;
      Object.assign(this.used, { documentsWritten, bytesWritten });
    };
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  tableNames(): string[] {
    return [...this.#tables.keys()];
  }

  isIdOf(id: string, table: string): boolean {
    return this.store.isIdOf(id, table);
  }

  /** `table` is what the function named, or undefined where it gave the id alone. */
  get(operation: string, id: string, table: string | undefined): StoredDocument | undefined {
    const document = this.#find(operation, id, table);
    if (document) this.noteRead(document, null);
    return document;
  }

  insert(table: string, fields: JsonObject): string {
    if (!isUserIdentifier(table)) throw new Error(`Invalid table name ${table}`);
    if (fields["_id"] !== undefined || fields["_creationTime"] !== undefined) {
      throw new Error("A new document cannot set _id or _creationTime");
    }
    const id = this.store.newId(table);
    const document = this.#build(table, id, this.store.nextCreationTime(), fields);
    this.#write(undefined, document);
    return id;
  }

  replace(id: string, table: string | undefined, value: JsonObject): void {
    const before = this.#mustGet("Replace", id, table);
    this.#update(before, withoutSystemFields(before, value));
  }

  /** Fields given as `{"$undefined": null}` are removed. */
  patch(id: string, table: string | undefined, value: JsonObject): void {
    const before = this.#mustGet("Update", id, table);
    const merged = { ...before.fields(), ...withoutSystemFields(before, value) };
    for (const [name, field] of Object.entries(merged)) if (isMissing(field)) delete merged[name];
    this.#update(before, merged);
  }

  remove(id: string, table: string | undefined): void {
    this.#write(this.#mustGet("Delete", id, table), undefined);
  }

  /** Counts a document that was read, and the key of the index that led to it. */
  noteRead(document: StoredDocument, index: IndexDefinition | null): void {
    const keyBytes = index?.billed ? document.keyBytes(index) : 0;
    this.usage.add(document.table, { documentsRead: 1, bytesRead: document.bytes + keyBytes });
    this.used.documentsRead++;
    this.used.bytesRead += document.bytes;
    this.#ensure("documentsRead", "Too many documents read in a single function execution");
    this.#ensure("bytesRead", "Too many bytes read in a single function execution");
  }

  /** Records that a range is being read. The returned record may be widened while a query goes on. */
  noteRange(table: string, index: IndexDefinition, range: KeyRange): ReadRange {
    this.used.databaseQueries++;
    const read = { table, index, ...range };
    this.reads.push(read);
    this.#ensure("databaseQueries", "Too many reads in a single function execution");
    return read;
  }

  #find(operation: string, id: string, table: string | undefined): StoredDocument | undefined {
    const name = this.store.tableOfId(id);
    if (name === null) {
      throw new Error(`Invalid argument \`id\` for \`db.${operation}\`: Unable to decode ID: not an ID`);
    }
    if (table !== undefined && table !== name) {
      throw new Error(
        `Invalid argument \`id\` for \`db.${operation}\`: expected an ID of table '${table}' but got one of '${name}'`,
      );
    }
    if (!this.#idsRead.has(id)) {
      this.#idsRead.add(id);
      this.noteRange(name, BY_ID, prefixRange([id]));
    }
    return this.#tables.get(name)?.get(id);
  }

  #mustGet(operation: "Update" | "Replace" | "Delete", id: string, table: string | undefined) {
    const method = { Update: "patch", Replace: "replace", Delete: "delete" }[operation];
    const document = this.get(method, id, table);
    if (!document) throw new Error(`${operation} on nonexistent document ID ${id}`);
    return document;
  }

  /** A change that changes nothing is not written. */
  #update(before: StoredDocument, fields: JsonObject): void {
    const after = this.#build(before.table, before.id, before.creationTime, fields);
    if (after.json !== before.json) this.#write(before, after);
  }

  #build(table: string, id: string, creationTime: number, fields: JsonObject): StoredDocument {
    const value = decodeValue(fields) as DocumentValue;
    const bytes = checkDocument(value, SYSTEM_FIELD_BYTES);
    const mismatch = this.validators?.get(table)?.(value, "");
    if (mismatch) {
      throw new Error(
        `Failed to insert or update a document in table "${table}" because it does not match the schema: ` +
          describeMismatch(mismatch),
      );
    }
    const document = StoredDocument.create(table, id, creationTime, fields, bytes);
    document.prepareKeys(this.#tables.get(table)?.indexes ?? [], value);
    return document;
  }

  #write(before: StoredDocument | undefined, after: StoredDocument | undefined): void {
    if (this.validators === null) throw new Error("Queries cannot write");
    this.used.documentsWritten++;
    this.used.bytesWritten += after?.bytes ?? 0;
    this.#ensure("documentsWritten", "Too many writes in a single function execution");
    this.#ensure("bytesWritten", "Too many bytes written in a single function execution");
    const { table: name, id } = (after ?? before)!;
    let table = this.#tables.get(name);
    if (table === undefined) {
      this.#tables.set(name, (table = Table.create(name)));
    }
    if (after) table.put(after, before);
    else table.remove(before!);
    const earlier = this.#writes.get(id);
    this.#writes.set(id, { before: earlier ? earlier.before : before, after });
  }

  #ensure(quantity: keyof TransactionLimits, message: string): void {
    if (this.used[quantity] <= this.limits[quantity]) return;
    const description = `${message} (limit: ${this.limits[quantity]})`;
    throw quantity.endsWith("Written") ? new Error(description) : new ReadLimitError(description);
  }

  #meterWrite(before: StoredDocument | undefined, after: StoredDocument | undefined): void {
    const bytesWritten = after ? after.bytes + this.#indexBytes(after) : 0;
    this.usage.add((after ?? before)!.table, { documentsWritten: 1, bytesWritten });
  }

  #indexBytes(document: StoredDocument): number {
    const indexes = this.#tables.get(document.table)?.indexes ?? [];
    return indexes.reduce((sum, index) => sum + (index.billed ? document.keyBytes(index) : 0), 0);
  }
}

/** `replace` and `patch` may repeat a document's `_id` and `_creationTime`, but not change them. */
function withoutSystemFields(document: StoredDocument, value: JsonObject): JsonObject {
  const { _id: id, _creationTime: creationTime, ...fields } = value;
  if (id !== undefined && id !== document.id)
    throw new Error("Provided `_id` field does not match the document");
  if (creationTime !== undefined && creationTime !== document.creationTime) {
    throw new Error("Provided `_creationTime` field does not match the document");
  }
  return fields;
}

const isMissing = (field: JSONValue): boolean =>
  typeof field === "object" && field !== null && !Array.isArray(field) && "$undefined" in field;
