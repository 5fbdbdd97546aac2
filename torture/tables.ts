import type { Random } from "../local/data/random.js";
import { COLUMN_KINDS, KEY_KINDS, OTHER_ORDERS, type ColumnKind } from "./column-kinds.js";
import { quoteName, type MirroredTable } from "../local/oracle/mirrored-table.js";

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
  /**
   * The collation that the first text of the key has in its index, which is then no primary key: the configuration
   * names the columns. Null: there is a primary key.
   */
  keyOrder: string | null;
  /** The view shows the rows in which this column is not NULL. */
  filterColumn: string | null;
  /** As configured; null: nothing is said, which means `as-written`. */
  updatedAt: "content" | "as-written" | null;
  /** Rows are set aside in this column, now and then; null: never in this table. */
  badColumn: string | null;
}

const COLUMN_NAMES = ["Größe (m)", "select", "_hidden", "1map_id", "Mixed Case", 'a "quoted" name', "plain"];

/** What a scenario needs. */
export interface Needs {
  /** Of the tables, in which rows are kept. */
  form?: "partitions";
  /** A type that each table has a column of. */
  sqlType?: string;
  /** A second deployment of the same tables. */
  other?: true;
  /** A second configuration of the last deployment. */
  reshaped?: true;
}

/** For each deployment, the shapes that its tables have in turn. */
export function randomShapes(random: Random, needs: Needs): TortureTable[][][] {
  const tables = Array.from({ length: random.integer(2, 3) }, (_, number) =>
    randomTable(random, number, needs),
  );
  const targets = [tables];
  if (needs.other) targets.push(tables.map((table) => asOtherMirrors(table, random)));
  return targets.map((ofTarget, number) =>
    needs.reshaped && number === targets.length - 1
      ? [ofTarget, ofTarget.map((table) => reshape(table, random))]
      : [ofTarget],
  );
}

function randomTable(random: Random, number: number, needs: Needs): TortureTable {
  const keyColumns = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i) =>
    toColumn(`k${i}`, `k${i}`, true, random.pick(KEY_KINDS)),
  );
  // An enum has four values, and a table should have more keys.
  if (keyColumns.every(({ sqlType }) => ["mood", "date", "interval"].includes(sqlType))) {
    keyColumns.push(toColumn("k9", "k9", true, KEY_KINDS[1]!));
  }
  const names = new Map(COLUMN_NAMES.map((name) => [random.integer(0, 1e9), name]));
  const oddNames = [...names].sort(([a], [b]) => a - b).map(([, name]) => name);
  const rest = Array.from({ length: random.integer(4, 10) }, (_, i) =>
    toColumn(i < 2 ? oddNames[i]! : `c${i}`, `c${i}`, false, random.pick(COLUMN_KINDS)),
  );
  const needed = COLUMN_KINDS.find(({ sqlType }) => sqlType === needs.sqlType);
  if (needed) rest[2] = toColumn("c2", "c2", false, needed);
  const columns = [...keyColumns, ...rest];
  // The owner's own, of either type, or none.
  const timeType = random.pick(["timestamp", "timestamptz", null]);
  if (timeType !== null) {
    const timeKind = COLUMN_KINDS.find(({ sqlType }) => sqlType === timeType)!;
    columns.push(toColumn("updated_at", "updated_at", false, timeKind));
  }
  const [filter, ...others] = rest;
  for (const column of others.slice(1)) {
    if (random.chance(0.1)) column.configured = random.pick(["excluded", "ignored"]);
  }
  const hasText = keyColumns.some(isText);
  const form = needs.form ?? random.pick(["table", "table", "partitions", "view"]);
  const base = number === 0 ? `Odd "table" ${number}` : `torture_${number}`;
  return {
    base,
    relation: form === "view" ? `Look at ${base}` : base,
    partitions: form === "partitions" ? [0, 1, 2].map((part) => `part ${part} of ${base}`) : [],
    filterColumn: form === "view" ? filter!.name : null,
    mirror: `mirror_${number}`,
    columns,
    key: keyColumns.map(({ name }) => name),
    keyOrder:
      hasText && form !== "partitions" && random.chance(0.4) ? random.pick(["C", ...OTHER_ORDERS]) : null,
    updatedAt: timeType === null ? null : random.pick(["content", "content", "as-written", null]),
    badColumn: findBadColumn(columns),
  };
}

function toColumn(name: string, field: string, inKey: boolean, columnKind: ColumnKind): TortureColumn {
  return { ...columnKind, name, field, inKey, configured: "mirrored" };
}

function findBadColumn(columns: readonly TortureColumn[]): string | null {
  return columns.find((column) => column.sqlType === "jsonb" && isMirrored(column))?.name ?? null;
}

/** The same table as another deployment mirrors it: other columns, and never through a view. */
function asOtherMirrors(table: TortureTable, random: Random): TortureTable {
  const columns = table.columns.map((column): TortureColumn => {
    if (column.inKey || column.name === "updated_at") return column;
    return {
      ...column,
      field: `other_${column.field}`,
      configured: random.chance(0.6) ? "mirrored" : random.pick(["excluded", "ignored"]),
    };
  });
  return {
    ...table,
    relation: table.base,
    filterColumn: null,
    mirror: `other_${table.mirror}`,
    columns,
    badColumn: findBadColumn(columns),
  };
}

/** The same mirror under another configuration: fields have other names, or columns are left out or come in. */
function reshape(table: TortureTable, random: Random): TortureTable {
  const columns = table.columns.map((column): TortureColumn => {
    const stays = column.inKey || ["updated_at", table.filterColumn].includes(column.name);
    if (stays || random.chance(0.6)) return column;
    if (column.configured === "excluded") return { ...column, configured: "mirrored" };
    if (column.configured === "ignored") return column; // the view may lack it
    return random.chance(0.5)
      ? { ...column, configured: "excluded" }
      : { ...column, field: `${column.field}_once` };
  });
  // Each table gets another shape: one that keeps its own would show nothing when a run is killed.
  const changed = columns.some(({ field, configured }, i) => {
    const before = table.columns[i]!;
    return configured === "excluded" ? before.configured === "mirrored" : field !== before.field;
  });
  const first = columns.findIndex(
    (column) => !column.inKey && isMirrored(column) && column.name !== "updated_at",
  );
  if (!changed) columns[first] = { ...columns[first]!, field: `${columns[first]!.field}_once` };
  return { ...table, columns };
}

/** What of a table has to be in its documents. */
export function asMirrored(table: TortureTable): MirroredTable {
  return { ...table, columns: table.columns.filter(isMirrored) };
}

export function isMirrored({ configured }: TortureColumn): boolean {
  return configured === "mirrored";
}

export function createTable(table: TortureTable): string {
  const columns = table.columns.map(
    ({ name, sqlType, inKey }) => `${quoteName(name)} ${sqlType}${inKey ? " NOT NULL" : ""}`,
  );
  const base = quoteName(table.base);
  const partitioning = table.partitions.length > 0 ? `PARTITION BY HASH (${quoteName(table.key[0]!)})` : "";
  const partitions = table.partitions.map(
    (name, part) => `CREATE TABLE ${quoteName(name)} PARTITION OF ${base} ${boundsOf(table, part)};`,
  );
  return `
    CREATE TABLE ${base} (${[...columns, ...primaryKey(table)].join(", ")}) ${partitioning};
    ${keyIndex(table)}
    ${partitions.join("\n")}
    ${createView(table)}`;
}

function primaryKey({ key, keyOrder }: TortureTable): string[] {
  return keyOrder === null ? [`PRIMARY KEY (${key.map(quoteName).join(", ")})`] : [];
}

function keyIndex({ base, key, keyOrder, columns }: TortureTable): string {
  if (keyOrder === null) return "";
  const sorted = key.find((name) => columns.some((column) => column.name === name && isText(column)));
  const parts = key.map((name) => `${quoteName(name)}${name === sorted ? ` COLLATE "${keyOrder}"` : ""}`);
  return `CREATE UNIQUE INDEX ON ${quoteName(base)} (${parts.join(", ")});`;
}

/** Without a collation of its own. */
function isText({ sqlType }: TortureColumn): boolean {
  return /^(text|varchar\(60\))$/.test(sqlType);
}

/** The columns that no deployment looks at. */
export function ignoredByAll(mirrors: readonly TortureTable[]): string[] {
  const ignored = mirrors.map(({ columns }) =>
    columns.filter(({ configured }) => configured === "ignored").map(({ name }) => name),
  );
  return ignored.reduce((all, some) => all.filter((name) => some.includes(name)));
}

/** Of a partition, by its number. */
export function boundsOf({ partitions }: TortureTable, part: number): string {
  return `FOR VALUES WITH (MODULUS ${partitions.length}, REMAINDER ${part})`;
}

function createView({ relation, base, columns, filterColumn }: TortureTable): string {
  if (filterColumn === null) return "";
  const shown = columns
    .filter(({ configured }) => configured !== "ignored")
    .map(({ name }) => quoteName(name));
  return `CREATE OR REPLACE VIEW ${quoteName(relation)} AS
            SELECT ${shown.join(", ")} FROM ${quoteName(base)} WHERE ${quoteName(filterColumn)} IS NOT NULL;`;
}
