import type { SchemaDefinition } from "convex/server";
import { DeployRefused } from "./errors.js";
import { MAX_FIELDS_PER_INDEX, MAX_IDENTIFIER_CHARACTERS, MAX_INDEXES_PER_TABLE } from "./limits.js";
import { isUserIdentifier } from "./value-limits.js";
import type { ValidatorJson } from "./validators.js";

/** An index: documents in the order of these fields. Compared by identity, so unchanged ones are reused. */
export interface IndexDefinition {
  readonly name: string;
  /** Field paths, ending in `_creationTime` and `_id`, which make the order total. */
  readonly fields: readonly string[];
  /** False for `by_id` and `by_creation_time`, which Convex keeps itself and does not bill. */
  readonly billed: boolean;
}

export const BY_ID: IndexDefinition = { name: "by_id", fields: ["_id"], billed: false };
export const BY_CREATION_TIME: IndexDefinition = {
  name: "by_creation_time",
  fields: ["_creationTime", "_id"],
  billed: false,
};
const RESERVED_INDEXES = new Set([BY_ID.name, BY_CREATION_TIME.name]);

export interface TableSchema {
  readonly name: string;
  readonly indexes: readonly IndexDefinition[];
  /** Null when the schema says `schemaValidation: false`. */
  readonly documentType: ValidatorJson | null;
}

/** Any schema: the deployment reads only what `export` writes, as Convex's own deploy does. */
export type AnySchema = Pick<SchemaDefinition<never, boolean>, "tables"> | { tables: unknown };

interface ExportedSchema {
  tables: {
    tableName: string;
    indexes: { indexDescriptor: string; fields: string[] }[];
    stagedDbIndexes?: unknown[];
    searchIndexes: unknown[];
    vectorIndexes: unknown[];
    documentType: ValidatorJson;
  }[];
  schemaValidation: boolean;
}

/** Reads a schema and checks its names and counts. Throws {@link DeployRefused}. */
export function readSchema(schema: AnySchema): Map<string, TableSchema> {
  // `export` is how Convex's deploy reads a schema, but its types call it internal.
  const exported = JSON.parse((schema as unknown as { export(): string }).export()) as ExportedSchema;
  return new Map(
    exported.tables.map((table) => {
      if (!isUserIdentifier(table.tableName)) {
        throw new DeployRefused(`Invalid table name "${table.tableName}"`);
      }
      if (table.searchIndexes.length > 0 || table.vectorIndexes.length > 0) {
        throw new DeployRefused(
          `Table "${table.tableName}" has a search or vector index, which the local deployment does not support`,
        );
      }
      const indexes = table.indexes.map((index) => readIndex(table.tableName, index));
      if (indexes.length > MAX_INDEXES_PER_TABLE) {
        throw new DeployRefused(
          `Table "${table.tableName}" has ${indexes.length} indexes, but the maximum is ${MAX_INDEXES_PER_TABLE}`,
        );
      }
      if (new Set(indexes.map((index) => index.name)).size < indexes.length) {
        throw new DeployRefused(`Table "${table.tableName}" has two indexes of the same name`);
      }
      return [
        table.tableName,
        {
          name: table.tableName,
          indexes,
          documentType: exported.schemaValidation ? table.documentType : null,
        },
      ];
    }),
  );
}

function readIndex(
  table: string,
  { indexDescriptor: name, fields }: { indexDescriptor: string; fields: string[] },
): IndexDefinition {
  const refuse = (why: string) =>
    new DeployRefused(`In table "${table}" the index "${name}" is invalid: ${why}`);
  if (RESERVED_INDEXES.has(name)) throw refuse("its name is reserved");
  if (!isUserIdentifier(name))
    throw refuse(`its name is not an identifier of at most ${MAX_IDENTIFIER_CHARACTERS} characters`);
  if (fields.length === 0) throw refuse("it has no fields");
  if (fields.length > MAX_FIELDS_PER_INDEX) throw refuse(`it has more than ${MAX_FIELDS_PER_INDEX} fields`);
  if (new Set(fields).size < fields.length) throw refuse("it names a field twice");
  if (fields.some((field) => field === "_id" || field === "_creationTime")) {
    throw refuse("every index ends with _creationTime and _id by itself");
  }
  return { name, fields: [...fields, "_creationTime", "_id"], billed: true };
}

export function sameIndex(a: IndexDefinition, b: IndexDefinition): boolean {
  return a.name === b.name && a.fields.join() === b.fields.join();
}
