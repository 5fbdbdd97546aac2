import { StoredDocument, SYSTEM_FIELD_BYTES, toFields, type DocumentValue } from "../document.js";
import { tableNumberOf } from "../ids.js";
import type { Store, Write } from "../store.js";
import { describeMismatch, type Validator, type ValidatorJson } from "../validators.js";
import { checkDocument, isUserIdentifier } from "../value-limits.js";
import { ImportFailed } from "./import-failed.js";
import type { PlainDocument, TableFile } from "./read-tables.js";
import { typedValue } from "./typed-value.js";

export type ImportMode = "requireEmpty" | "append" | "replace" | "replaceAll";

/** The deployed schema, as far as documents are held against it. */
export interface DocumentTypes {
  types: ReadonlyMap<string, ValidatorJson>;
  validators: ReadonlyMap<string, Validator>;
}

export interface ImportPlan {
  files: readonly TableFile[];
  /** Tables that lose documents, and how many. */
  deleted: ReadonlyMap<string, number>;
}

/**
 * What an import would do.
 * @throws ImportFailed
 */
export function planImport(store: Store, files: readonly TableFile[], mode: ImportMode): ImportPlan {
  const deleted = new Map<string, number>();
  const sizeOf = (table: string) => store.tables.get(table)?.size ?? 0;
  for (const { name } of files) {
    if (!isUserIdentifier(name)) throw new ImportFailed(`Invalid table name "${name}".`);
    if (mode === "requireEmpty" && sizeOf(name) > 0) {
      throw new ImportFailed(
        `Table "${name}" already has documents: use \`--append\` to add to them, or \`--replace\` to replace them.`,
      );
    }
  }
  const replaced = mode === "replaceAll" ? [...store.tables.keys()] : files.map(({ name }) => name);
  if (mode === "replace" || mode === "replaceAll") {
    for (const name of replaced) if (sizeOf(name) > 0) deleted.set(name, sizeOf(name));
  }
  return { files, deleted };
}

/**
 * Takes the documents, at once and as a whole.
 * @returns how many there were
 * @throws ImportFailed
 */
export function performImport(store: Store, { files, deleted }: ImportPlan, known: DocumentTypes) {
  const numbers = chooseNumbers(store, files, deleted);
  const isIdOf = (id: string, table: string) =>
    numbers.has(table) && numbers.get(table) === tableNumberOf(id);
  const before = store.tableNumbers;
  store.restoreTableNumbers(numbers);
  try {
    const writes = new Map<string, Write>();
    for (const table of deleted.keys()) {
      for (const document of store.tables.get(table)!.documents()) {
        writes.set(document.id, { before: document, after: undefined });
      }
    }
    for (const { name, documents } of files) {
      for (const [index, plain] of documents.entries()) {
        try {
          const after = readDocument(store, name, plain, known, isIdOf);
          const earlier = writes.get(after.id);
          if (
            earlier?.after !== undefined ||
            (earlier === undefined && store.tables.get(name)?.get(after.id))
          ) {
            throw new Error("its _id is there already");
          }
          writes.set(after.id, { before: earlier?.before, after });
        } catch (error) {
          throw new ImportFailed(`Document ${index + 1} of table "${name}": ${(error as Error).message}`);
        }
      }
    }
    store.apply([...writes.values()]);
  } catch (error) {
    store.restoreTableNumbers(before);
    throw error;
  }
  return files.reduce((sum, { documents }) => sum + documents.length, 0);
}

function readDocument(
  store: Store,
  table: string,
  plain: PlainDocument,
  { types, validators }: DocumentTypes,
  isIdOf: (id: string, table: string) => boolean,
): StoredDocument {
  const { _id, _creationTime, ...rest } = plain;
  const value = typedValue(rest, types.get(table) ?? null, isIdOf) as DocumentValue;
  const bytes = checkDocument(value, SYSTEM_FIELD_BYTES);
  const mismatch = validators.get(table)?.(value, "");
  if (mismatch) throw new Error(describeMismatch(mismatch));
  if (_id !== undefined && !(typeof _id === "string" && isIdOf(_id, table))) {
    throw new Error("its _id is none of this table");
  }
  if (_creationTime !== undefined && typeof _creationTime !== "number") {
    throw new Error("its _creationTime is no number");
  }
  const creationTime = _creationTime ?? store.nextCreationTime();
  store.noteCreationTime(creationTime);
  return StoredDocument.create(table, _id ?? store.newId(table), creationTime, toFields(value), bytes);
}

/** Ids hold their table's number: an imported table keeps that of its ids, where no other table needs it. */
function chooseNumbers(store: Store, files: readonly TableFile[], deleted: ReadonlyMap<string, number>) {
  const keeps = (table: string) => (store.tables.get(table)?.size ?? 0) > (deleted.get(table) ?? 0);
  const numbers = new Map([...store.tableNumbers].filter(([table]) => keeps(table)));
  const ofFiles = files.map(({ name, number, documents }): [string, number | null] => {
    const id = documents.find((document) => typeof document["_id"] === "string")?.["_id"];
    return [name, number ?? (id === undefined ? null : tableNumberOf(id as string))];
  });
  for (const [name, number] of ofFiles) {
    if (number === null || numbers.get(name) === number) continue;
    const owner = [...numbers].find(([, other]) => other === number)?.[0];
    if (owner !== undefined || numbers.has(name)) {
      const why = owner === undefined ? "it has documents with other ids" : `"${owner}" has such ids here`;
      throw new ImportFailed(`The ids of table "${name}" can't be kept: ${why}.`);
    }
    numbers.set(name, number);
  }
  // Everybody else: the old number, or where that is taken now, a new one.
  const taken = new Set(numbers.values());
  let next = Math.max(0, ...taken, ...store.tableNumbers.values());
  for (const [table, old] of store.tableNumbers) {
    if (numbers.has(table)) continue;
    const number = taken.has(old) ? ++next : old;
    numbers.set(table, number);
    taken.add(number);
  }
  return numbers;
}
