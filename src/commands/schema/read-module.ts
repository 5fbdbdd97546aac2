/** What a module of mirrored tables says of one: its fields with their validators, and its indexes, as source text. */
export interface TableRead {
  fields: Map<string, string>;
  indexes: string[];
}

/**
 * Reads `name: defineTable({ field: mirrored(…), … }).index(…)` out of a module, however it is laid out: what matters is what it
 * says. What is written otherwise is not found.
 */
export function readModule(source: string): Map<string, TableRead> {
  const text = source.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const tables = new Map<string, TableRead>();
  for (const match of text.matchAll(/["']?([A-Za-z]\w*)["']?\s*:\s*defineTable\(\s*\{/g)) {
    const body = upToClosing(text, match.index + match[0].length, "{", "}");
    const after = text.slice(match.index + match[0].length + body.length + 1);
    tables.set(match[1]!, { fields: readFields(body), indexes: readIndexes(after) });
  }
  return tables;
}

function readFields(body: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const match of body.matchAll(/["']?([A-Za-z]\w*)["']?\s*:\s*mirrored\(/g)) {
    fields.set(match[1]!, normalise(upToClosing(body, match.index + match[0].length, "(", ")")));
  }
  return fields;
}

/** Those that stand right behind a table. */
function readIndexes(after: string): string[] {
  const indexes: string[] = [];
  let rest = after.replace(/^\s*,?\s*\)/, "");
  for (let match = /^\s*\.(index|searchIndex|vectorIndex)\(/.exec(rest); match !== null; match = /^\s*\.(index|searchIndex|vectorIndex)\(/.exec(rest)) {
    const inner = upToClosing(rest, match[0].length, "(", ")");
    indexes.push(`.${match[1]!}(${inner.trim().replace(/\s+/g, " ").replace(/,$/, "")})`);
    rest = rest.slice(match[0].length + inner.length + 1);
  }
  return indexes;
}

/** From behind an opening bracket to before the one that closes it. */
function upToClosing(text: string, from: number, open: string, close: string): string {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === open) depth += 1;
    else if (text[at] === close && --depth === 0) return text.slice(from, at);
  }
  return text.slice(from);
}

/** The same for every layout of the same validator. */
export function normalise(validator: string): string {
  return validator.replace(/\s+/g, "").replaceAll("'", '"').replace(/,(?=[)\]}]|$)/g, "");
}
