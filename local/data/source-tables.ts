import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import * as source from "../../drizzle/source.js";
import { randomForRow } from "./random.js";
import * as rows from "./rows.js";

export type SourceTableName =
  | "sow_poles"
  | "sow_drops"
  | "nokia_exports"
  | "onemap_installations"
  | "onemap_poles"
  | "lawley_activations"
  | "mohadin_activations";

export type SourceRow = Record<string, unknown>;

export interface SourceTable {
  name: SourceTableName;
  /** Column names, in the table's order. */
  columns: string[];
  /** At scale 1; 59,500 in all. */
  rowCount: number;
  /** Whether the other job writes every row anew on each run; the other tables only grow. */
  rewritten: boolean;
  /** The row of that index, from 0: the same for the same seed, whichever rows were made before. */
  makeRow(seed: number, index: number): SourceRow;
}

const definitions: [PgTable, (...args: Parameters<rows.MakeRow<PgTable>>) => SourceRow, number, boolean][] = [
  [source.sowPoles, rows.makePole, 4_500, true],
  [source.sowDrops, rows.makeDrop, 23_700, true],
  [source.nokiaExports, rows.makeNokiaExport, 1_900, true],
  [source.onemapInstallations, rows.makeOnemapInstallation, 21_700, true],
  [source.onemapPoles, rows.makeOnemapPole, 5_400, true],
  [source.lawleyActivations, rows.makeLawleyActivation, 1_900, false],
  [source.mohadinActivations, rows.makeMohadinActivation, 400, false],
];

export const SOURCE_TABLES: readonly SourceTable[] = definitions.map(
  ([table, make, rowCount, rewritten], tableNumber) => {
    const { name, columns } = getTableConfig(table);
    return {
      name: name as SourceTableName,
      columns: columns.map((column) => column.name),
      rowCount,
      rewritten,
      makeRow: (seed, index) => make(randomForRow(seed, tableNumber, index), index),
    };
  },
);

export function findSourceTable(name: SourceTableName): SourceTable {
  return SOURCE_TABLES.find((table) => table.name === name)!;
}
