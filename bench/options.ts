import { Command } from "commander";

export interface BenchOptions {
  quick: boolean;
  /** Of several processes and the watch alone. */
  scale: boolean;
  json?: string;
  markdown?: string[];
}

export function readOptions(argv: readonly string[]): BenchOptions {
  return new Command("bench")
    .description("measures what datahub-sync costs, against itself and against what people do instead")
    .option("--quick", "a tenth of the rows, and no table of a million", false)
    .option("--scale", "only what several processes bring, and the watch: some five minutes", false)
    .option("--json <file>", "also write all figures, in bytes and milliseconds")
    .option("--markdown <files...>", "also write the tables, into their places where a file has some")
    .parse(argv)
    .opts<BenchOptions>();
}

/** How much is measured. */
export interface Extent {
  /** 1 is 59,500 rows. */
  scale: number;
  /** Rows of the narrow table: a few, and many. */
  narrowRows: [few: number, many: number];
  /** Of what is repeated, since its best or its worst is wanted. */
  rounds: number;
}

export const WHOLE: Extent = { scale: 1, narrowRows: [60_000, 1_000_000], rounds: 5 };
export const QUICK: Extent = { scale: 0.1, narrowRows: [6_000, 60_000], rounds: 2 };
