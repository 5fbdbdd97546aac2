import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import Table from "cli-table3";
import type { Finding } from "./findings.js";

/** Figures that belong together, as they are shown. */
export interface ResultTable {
  /** By which RESULTS.md knows it: `first-load`. */
  id: string;
  head: string[];
  rows: string[][];
  /** The same, or what it was made from, for machines: in bytes and milliseconds. */
  figures: unknown;
}

const START = (id: string) => `<!-- table: ${id} -->`;
const END = "<!-- end -->";

/** What the bench has found: printed as it comes, and written when all of it is there. */
export class Results {
  readonly #tables: ResultTable[] = [];
  readonly #about: Record<string, string | number> = {};

  /** @param isPart tables that are not measured keep their places, and what stands there */
  constructor(
    private readonly print: (text: string) => void,
    private readonly isPart = false,
  ) {}

  /** What was measured, and on what. */
  describe(about: Record<string, string | number>): void {
    Object.assign(this.#about, about);
    this.print(`${printAbout(about)}\n`);
  }

  addTable(table: ResultTable): void {
    if (table.rows.some((row) => row.length !== table.head.length)) {
      throw new Error(`A row of the table ${table.id} has other columns than its head.`);
    }
    this.#tables.push(table);
    const shown = new Table({ head: table.head, style: { head: [], border: [] } });
    shown.push(...table.rows);
    this.print(`${shown.toString()}\n`);
  }

  /** Each figure against another of the same run. */
  addFindings(id: string, title: string, findings: readonly Finding[]): void {
    this.addTable({
      id,
      head: [title, "measured", "against", "ratio"],
      rows: findings.map(({ what, measured, against, ratio }) => [what, measured, against, ratio]),
      figures: findings,
    });
  }

  async writeJson(file: string): Promise<void> {
    const tables = Object.fromEntries(this.#tables.map(({ id, figures }) => [id, figures]));
    await writeFile(file, `${JSON.stringify({ about: this.#about, tables }, null, 2)}\n`);
  }

  /** Puts the tables into a file: into its places, or, where it has none at all, one after the other at its end. */
  async writeMarkdown(file: string): Promise<void> {
    const text = existsSync(file) ? await readFile(file, "utf8") : "";
    const about = { id: "about", text: printAbout(this.#about) };
    const tables = this.#tables.map((table) => ({ id: table.id, text: renderMarkdown(table) }));
    const filled = this.isPart ? fillPart(text, tables) : fillPlaces(text, [about, ...tables]);
    await writeFile(file, filled);
  }
}

function printAbout(about: Record<string, string | number>): string {
  return Object.entries(about)
    .map(([what, value]) => `${what}: ${value}`)
    .join("; ");
}

/** The same, of those places alone that are for one of the tables. */
function fillPart(text: string, tables: readonly { id: string; text: string }[]): string {
  return tables.reduce((filled, table) => {
    const from = filled.indexOf(START(table.id));
    if (from < 0) return filled;
    const end = filled.indexOf(END, from) + END.length;
    return filled.slice(0, from) + fillPlaces(filled.slice(from, end), [table]) + filled.slice(end);
  }, text);
}

/**
 * Replaces what stands between `<!-- table: id -->` and the next `<!-- end -->`.
 * @throws where a place has no end, or is for a table that there is none of: its old figures would pass for new ones
 */
export function fillPlaces(text: string, tables: readonly { id: string; text: string }[]): string {
  const places = [...text.matchAll(/<!-- table: (.*?) -->/g)].map(([, id]) => id!);
  const unknown = places.find((id) => !tables.some((table) => table.id === id));
  if (unknown !== undefined)
    throw new Error(`There is a place for the table ${unknown}, which was not measured.`);
  let filled = text;
  for (const { id, text: table } of tables) {
    const place = `${START(id)}\n\n${table}\n\n${END}`;
    if (places.length === 0) {
      filled = filled === "" ? `${place}\n` : `${filled.trimEnd()}\n\n${place}\n`;
      continue;
    }
    if (!places.includes(id)) continue;
    const from = filled.indexOf(START(id));
    const end = filled.indexOf(END, from);
    if (end < 0) throw new Error(`The place for the table ${id} has no end.`);
    filled = filled.slice(0, from) + place + filled.slice(end + END.length);
  }
  return filled;
}

/** With columns of one width, figures to the right, so that the text can be read as it is. */
export function renderMarkdown({ head, rows }: ResultTable): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => [...row[column]!].length)));
  const line = (row: string[]) =>
    `| ${row
      .map((cell, column) => {
        const blanks = " ".repeat(widths[column]! - [...cell].length);
        return column === 0 ? cell + blanks : blanks + cell;
      })
      .join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(cells[0]!), `| ${rule.join(" | ")} |`, ...cells.slice(1).map(line)].join("\n");
}
