/** The one function that puts a name into SQL text. Names come from the configuration and from the catalog. */
export function quoteIdentifier(name: string): string {
  if (name.includes("\0")) throw new RangeError("A Postgres identifier cannot hold a NUL character.");
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteRelation(relation: { schema: string; name: string }): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
}
