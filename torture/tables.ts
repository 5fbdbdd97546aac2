import { defineTable, defineSchema, type GenericSchema } from "convex/server";
import type { Random } from "../src/local/data/random.js";
import { datahubSyncTables, mirrored } from "../convex/datahubSyncPackage.js";
import { COLUMN_KINDS, KEY_KINDS, type ColumnKind } from "./column-kinds.js";
import {
  keyText,
  PINNED_SETTINGS,
  quoteName,
  quoteText,
  type MirroredTable,
} from "./oracle/mirrored-table.js";

export interface TortureColumn extends ColumnKind {
  name: string;
  field: string;
  inKey: boolean;
  /** Excluded ones may be in no document; ignored ones are not even looked at. */
  configured: "mirrored" | "excluded" | "ignored";
}

export interface TortureTable extends MirroredTable {
  /** The table that writers write to; `relation` is a view over it in some seeds. */
  base: string;
  partitions: readonly string[];
  /** Of the base table, in its order. */
  columns: readonly TortureColumn[];
  /** The view shows the rows in which this column is not NULL. */
  filterColumn: string | null;
  /** Rows are set aside in this column, now and then; null: never in this table. */
  badColumn: string | null;
}

const COLUMN_NAMES = ["Größe (m)", "select", "_hidden", "1map_id", "Mixed Case", 'a "quoted" name', "plain"];

export function randomTables(random: Random): TortureTable[] {
  return Array.from({ length: random.integer(2, 3) }, (_, number) => randomTable(random, number));
}

function randomTable(random: Random, number: number): TortureTable {
  const keyColumns = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i) =>
    toColumn(`k${i}`, `k${i}`, true, random.pick(KEY_KINDS)),
  );
  // An enum has four values, and a table should have more keys.
  if (keyColumns.every(({ sqlType }) => ["mood", "date", "interval"].includes(sqlType))) {
    keyColumns.push(toColumn("k9", "k9", true, KEY_KINDS[1]!));
  }
  const names = new Map(COLUMN_NAMES.map((name) => [random.integer(0, 1e9), name]));
  const nastyNames = [...names].sort(([a], [b]) => a - b).map(([, name]) => name);
  const rest = Array.from({ length: random.integer(4, 10) }, (_, i) =>
    toColumn(i < 2 ? nastyNames[i]! : `c${i}`, `c${i}`, false, random.pick(COLUMN_KINDS)),
  );
  const columns = [...keyColumns, ...rest];
  // The owner's own, of either type, or none: then tracking adds one, which is not mirrored.
  const updatedAt = random.pick(["timestamp", "timestamptz", null]);
  if (updatedAt !== null) {
    const timeKind = COLUMN_KINDS.find(({ sqlType }) => sqlType === updatedAt)!;
    columns.push(toColumn("updated_at", "updated_at", false, timeKind));
  }
  const [filter, ...others] = rest;
  for (const column of others.slice(1)) {
    if (random.chance(0.1)) column.configured = random.pick(["excluded", "ignored"]);
  }
  const form = random.pick(["table", "table", "partitions", "view"]);
  const base = number === 0 ? `Odd "table" ${number}` : `torture_${number}`;
  return {
    base,
    relation: form === "view" ? `Look at ${base}` : base,
    partitions: form === "partitions" ? [0, 1, 2].map((part) => `part ${part} of ${base}`) : [],
    filterColumn: form === "view" ? filter!.name : null,
    mirror: `mirror_${number}`,
    columns,
    key: keyColumns.map(({ name }) => name),
    badColumn: rest.find((column) => column.sqlType === "jsonb" && isMirrored(column))?.name ?? null,
  };
}

function toColumn(name: string, field: string, inKey: boolean, columnKind: ColumnKind): TortureColumn {
  return { ...columnKind, name, field, inKey, configured: "mirrored" };
}

/** What of a table has to be in its documents. */
export function asMirrored(table: TortureTable): MirroredTable {
  return { ...table, columns: table.columns.filter(isMirrored) };
}

function isMirrored({ configured }: TortureColumn): boolean {
  return configured === "mirrored";
}

/**
 * The table, and what it records by itself of its own changes: whatever the sync makes of them is held against this.
 * `updated_at` is left out, for it follows the others.
 */
export function createTable(table: TortureTable): string {
  const columns = table.columns.map(
    ({ name, sqlType, inKey }) => `${quoteName(name)} ${sqlType}${inKey ? " NOT NULL" : ""}`,
  );
  const base = quoteName(table.base);
  const content = table.columns
    .filter((column) => isMirrored(column) && column.name !== "updated_at")
    .map(({ name }) => quoteName(name));
  const images = (row: string) => `ROW(${content.map((name) => `${row}.${name}`).join(", ")})::record`;
  const note = (kind: string, row: string | null) =>
    `INSERT INTO changes (mirror, key, kind) VALUES (${quoteText(table.mirror)}, ${row === null ? "NULL" : keyText(table.key, row)}, '${kind}')`;
  const audit = quoteName(`audit ${table.mirror}`);
  const settings = Object.entries(PINNED_SETTINGS).map(([name, value]) => `SET ${name} = '${value}'`);
  const partitioning = table.partitions.length > 0 ? `PARTITION BY HASH (${quoteName(table.key[0]!)})` : "";
  const partitions = table.partitions.map(
    (name, part) =>
      `CREATE TABLE ${quoteName(name)} PARTITION OF ${base}
         FOR VALUES WITH (MODULUS ${table.partitions.length}, REMAINDER ${part});`,
  );
  // A partition that is truncated by itself fires its own trigger only.
  const truncations = [table.base, ...table.partitions].map(
    (name) => `
    CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ${quoteName(name)} FOR EACH STATEMENT EXECUTE FUNCTION ${audit}();
    ALTER TABLE ${quoteName(name)} ENABLE ALWAYS TRIGGER audit, ENABLE ALWAYS TRIGGER audit_truncate;`,
  );
  return `
    CREATE TABLE ${base} (${columns.join(", ")}, PRIMARY KEY (${table.key.map(quoteName).join(", ")})) ${partitioning};
    ${partitions.join("\n")}
    CREATE FUNCTION ${audit}() RETURNS trigger LANGUAGE plpgsql ${settings.join(" ")} AS $audit$
    BEGIN
      IF TG_OP = 'TRUNCATE' THEN ${note("truncate", null)};
      ELSIF TG_OP = 'INSERT' THEN ${note("write", "NEW")};
      ELSIF TG_OP = 'DELETE' THEN ${note("leave", "OLD")};
      ELSIF ${images("OLD")} OPERATOR(pg_catalog.*<>) ${images("NEW")} THEN
        IF ${keyText(table.key, "OLD")} <> ${keyText(table.key, "NEW")} THEN ${note("leave", "OLD")}; END IF;
        ${note("write", "NEW")};
      END IF;
      RETURN NULL;
    END $audit$;
    CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ${base} FOR EACH ROW EXECUTE FUNCTION ${audit}();
    ${truncations.join("\n")}
    ${createView(table)}`;
}

function createView({ relation, base, columns, filterColumn }: TortureTable): string {
  if (filterColumn === null) return "";
  const shown = columns
    .filter(({ configured }) => configured !== "ignored")
    .map(({ name }) => quoteName(name));
  return `CREATE VIEW ${quoteName(relation)} AS
            SELECT ${shown.join(", ")} FROM ${quoteName(base)} WHERE ${quoteName(filterColumn)} IS NOT NULL;`;
}

export const CHANGES_DDL = `
  CREATE TABLE changes (
    mirror text, key text, kind text, position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 DEFAULT pg_current_xact_id(), at timestamptz DEFAULT clock_timestamp()
  )`;

/** The schema that a user would deploy for these tables. */
export function deploySchema(tables: readonly TortureTable[]): {
  mirrors: GenericSchema;
  schema: ReturnType<typeof defineSchema>;
} {
  const mirrors: GenericSchema = Object.fromEntries(
    tables.map(({ mirror, columns }) => [
      mirror,
      defineTable(
        Object.fromEntries(
          columns.filter(isMirrored).map(({ field, validator }) => [field, mirrored(validator)]),
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
    tables: tables.map(({ relation, mirror, columns }) => ({
      relation: quotePart(relation),
      mirror,
      columns: Object.fromEntries(
        columns
          .filter((column) => isMirrored(column) && column.name !== column.field)
          .map(({ name, field }) => [name, { field }]),
      ),
      exclude: namesOf(columns, "excluded"),
      ignore: namesOf(columns, "ignored"),
    })),
  });
}

function namesOf(columns: readonly TortureColumn[], configured: TortureColumn["configured"]): string[] {
  return columns.filter((column) => column.configured === configured).map(({ name }) => name);
}
