import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteIdentifier } from "../postgres/identifier.js";
import { splitKeys } from "./key-text.js";
import type { MirrorSource } from "./mirror-source.js";

/**
 * SQL by which the rows of a relation, called `r`, are found by the texts of their keys. Column by column, each text
 * cast to its column's type, since that is what the table's own index serves.
 */
export class KeySql {
  readonly #columns: MirrorSource["keyColumns"];
  /** The key's columns, to order by and to compare. */
  readonly list: string;

  constructor(columns: MirrorSource["keyColumns"]) {
    this.#columns = columns;
    this.list = columns.map(({ name }) => `r.${quoteIdentifier(name)}`).join(", ");
  }

  /** As many parameters as the key has columns, from $`first` on: their values are `values`. */
  parameters(first: number): string {
    return this.#columns.map(({ typeSql }, index) => `$${first + index}::text::${typeSql}`).join(", ");
  }

  values(key: string): string[] {
    return splitKeys([key], this.#columns.length).map(([part]) => part!);
  }

  /** The relation joined with the keys in $1, $2, …: one array for each key column. Their values are `arrays`. */
  join(relation: string): string {
    const arrays = this.#columns.map(({ typeSql }, index) => `$${index + 1}::text::${typeSql}[]`);
    const names = this.#columns.map((_, index) => `k${index}`);
    const equal = this.#columns.map(({ name }, index) => `r.${quoteIdentifier(name)} = wanted.k${index}`);
    return `unnest(${arrays.join(", ")}) AS wanted (${names.join(", ")})
            JOIN ${relation} r ON ${equal.join(" AND ")}`;
  }

  arrays(keys: readonly string[]): string[] {
    return splitKeys(keys, this.#columns.length).map(arrayLiteral);
  }
}
