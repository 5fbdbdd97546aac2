import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteIdentifier } from "../postgres/identifier.js";
import { splitKey, splitKeys } from "./key-text.js";
import type { MirrorSource } from "../model/mirror-source.js";

/**
 * SQL by which the rows of a relation, called `r`, are found by the texts of their keys. Column by column, each text
 * cast to its column's type, since that is what the table's own index serves.
 */
export class KeySql {
  readonly #columns: MirrorSource["keyColumns"];
  readonly #kinds: MirrorSource["keyColumns"][number]["kind"][];
  /** The key's columns in the order of the owner's index, to order by and to compare. */
  readonly list: string;

  constructor(columns: MirrorSource["keyColumns"]) {
    this.#columns = columns;
    this.#kinds = columns.map(({ kind }) => kind);
    this.list = columns
      .map(
        ({ name, sorting }) => `r.${quoteIdentifier(name)}${sorting === null ? "" : ` COLLATE ${sorting}`}`,
      )
      .join(", ");
  }

  /** As many parameters as the key has columns, from $`first` on: their values are `values`. */
  parameters(first: number): string {
    return this.#columns.map(({ typeSql }, index) => `$${first + index}::text::${typeSql}`).join(", ");
  }

  values(key: string): string[] {
    return splitKey(key, this.#kinds);
  }

  /**
   * The relation joined with the keys in $1, $2, …: one array for each key column. Their values are `arrays`.
   * `wanted.place` is a key's place among them, from 1.
   */
  join(relation: string): string {
    const arrays = this.#columns.map(({ typeSql }, index) => `$${index + 1}::text::${typeSql}[]`);
    const names = this.#columns.map((_, index) => `k${index}`);
    const equal = this.#columns.map(({ name }, index) => `r.${quoteIdentifier(name)} = wanted.k${index}`);
    return `unnest(${arrays.join(", ")}) WITH ORDINALITY AS wanted (${names.join(", ")}, place)
            JOIN ${relation} r ON ${equal.join(" AND ")}`;
  }

  arrays(keys: readonly string[]): string[] {
    return splitKeys(keys, this.#kinds).map(arrayLiteral);
  }
}
