import { DeployRefused } from "./errors.js";
import { readFunctions, type DeployedFunction, type Modules } from "./functions.js";
import { readSchema, sameIndex, type AnySchema, type IndexDefinition } from "./schema.js";
import type { Store } from "./store.js";
import { Table } from "./table.js";
import {
  compileValidator,
  describeMismatch,
  type IdCheck,
  type Validator,
  type ValidatorJson,
} from "./validators.js";

/** What a deploy put in place. */
export interface Deployed {
  functions: Map<string, DeployedFunction>;
  /** Checks a document without its system fields; tables without a schema have none. */
  validators: Map<string, Validator>;
  /** What they were made of. */
  types: Map<string, ValidatorJson>;
}

/**
 * Checks a schema and functions, and the documents that exist, then builds the indexes. Throws
 * {@link DeployRefused} before anything has changed.
 */
export function deployTables(
  store: Store,
  { schema, modules }: { schema: AnySchema; modules: Modules },
): Deployed {
  const isIdOf: IdCheck = (id, table) => store.isIdOf(id, table);
  const schemas = readSchema(schema);
  const functions = readFunctions(modules, isIdOf);
  const validators = checkDocuments(store, schema);
  const names = new Set([...store.tables.keys(), ...schemas.keys()]);
  store.replaceTables(
    new Map(
      [...names].map((name) => {
        store.tableNumber(name);
        const existing = store.tables.get(name) ?? Table.create(name);
        return [name, existing.withIndexes(reuseIndexes(schemas.get(name)?.indexes ?? [], existing.indexes))];
      }),
    ),
  );
  const types = new Map<string, ValidatorJson>();
  for (const { name, documentType } of schemas.values()) if (documentType) types.set(name, documentType);
  return { functions, validators, types };
}

/**
 * Holds the documents that exist against a schema.
 * @returns what checks a table's documents from then on
 * @throws DeployRefused
 */
export function checkDocuments(store: Store, schema: AnySchema): Map<string, Validator> {
  const isIdOf: IdCheck = (id, table) => store.isIdOf(id, table);
  const validators = new Map<string, Validator>();
  for (const { name, documentType } of readSchema(schema).values()) {
    if (documentType) validators.set(name, compileValidator(documentType, isIdOf));
  }
  for (const [name, validate] of validators) checkExisting(store, name, validate);
  return validators;
}

/** Indexes that a schema would add and remove, by table. Those that Convex keeps itself are left out. */
export function compareIndexes(
  store: Store,
  schema: AnySchema,
): { added: Map<string, IndexDefinition[]>; removed: Map<string, IndexDefinition[]> } {
  const schemas = readSchema(schema);
  const added = new Map<string, IndexDefinition[]>();
  const removed = new Map<string, IndexDefinition[]>();
  for (const name of new Set([...store.tables.keys(), ...schemas.keys()])) {
    const next = schemas.get(name)?.indexes ?? [];
    const old = (store.tables.get(name)?.indexes ?? []).filter(({ billed }) => billed);
    const without = (these: readonly IndexDefinition[], those: readonly IndexDefinition[]) =>
      these.filter((index) => !those.some((other) => sameIndex(index, other)));
    added.set(name, without(next, old));
    removed.set(name, without(old, next));
  }
  return { added, removed };
}

function checkExisting(store: Store, name: string, validate: Validator): void {
  for (const document of store.tables.get(name)?.documents() ?? []) {
    const { _id, _creationTime, ...fields } = document.value();
    const mismatch = validate(fields, "");
    if (mismatch) {
      throw new DeployRefused(
        `Schema validation failed. Document with ID "${document.id}" in table "${name}" does not match the ` +
          `schema: ${describeMismatch(mismatch)}`,
        name,
      );
    }
  }
}

/** Index definitions are compared by identity everywhere else, so unchanged ones must stay the same objects. */
function reuseIndexes(next: readonly IndexDefinition[], old: readonly IndexDefinition[]): IndexDefinition[] {
  return next.map((index) => old.find((candidate) => sameIndex(candidate, index)) ?? index);
}
