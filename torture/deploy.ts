import { defineTable, defineSchema, type GenericSchema } from "convex/server";
import { datahubSyncTables, mirrored } from "../src/package/convex.js";
import { extraFields } from "./extra-columns.js";
import { quoteName } from "../local/oracle/mirrored-table.js";
import { isMirrored, type TortureColumn, type TortureTable } from "./tables.js";

/**
 * The schema that a user would deploy for these tables.
 * @param shapes of the same tables: it has the fields of them all
 * @param all whether also the fields that are deployed late
 */
export function deploySchema(
  shapes: readonly (readonly TortureTable[])[],
  { all = false } = {},
): {
  mirrors: GenericSchema;
  schema: ReturnType<typeof defineSchema>;
} {
  const fieldsOf = (mirror: string) =>
    shapes
      .flat()
      .filter((table) => table.mirror === mirror)
      .flatMap(({ columns }) => columns.filter(isMirrored));
  const mirrors: GenericSchema = Object.fromEntries(
    shapes[0]!.map(({ mirror }) => [
      mirror,
      defineTable(
        Object.fromEntries(
          [...fieldsOf(mirror), ...extraFields({ all })].map(({ field, validator }) => [
            field,
            mirrored(validator),
          ]),
        ),
      ),
    ]),
  );
  return { mirrors, schema: defineSchema({ ...mirrors, ...datahubSyncTables }) };
}

/** datahub-sync.config.json for these tables. */
export function writeConfig(tables: readonly TortureTable[]): string {
  const quotePart = (name: string) => (/[".]/.test(name) ? quoteName(name) : name);
  return JSON.stringify({
    tables: tables.map(({ relation, mirror, columns, key, keyOrder, updatedAt }) => ({
      relation: quotePart(relation),
      mirror,
      columns: Object.fromEntries(
        columns
          .filter((column) => isMirrored(column) && column.name !== column.field)
          .map(({ name, field }) => [name, { field }]),
      ),
      exclude: namesOf(columns, "excluded"),
      ignore: namesOf(columns, "ignored"),
      // In any order: the index says which.
      ...(keyOrder === null ? {} : { key: key.toReversed() }),
      ...(updatedAt === null ? {} : { updatedAt }),
    })),
  });
}

function namesOf(columns: readonly TortureColumn[], configured: TortureColumn["configured"]): string[] {
  return columns.filter((column) => column.configured === configured).map(({ name }) => name);
}
