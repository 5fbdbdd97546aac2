/** Columns of a relation by number; "all" where its rows are read as wholes, which names no column. */
type Columns = ReadonlySet<number> | "all";

/**
 * What one view reads of the relation under it. Postgres records which columns a view uses, but not what for, and of
 * a row that is used as a whole it records none; so the parse tree is looked into.
 */
export interface ViewRule {
  /** By the number of the view's column: the columns that it is computed from. */
  readonly outputs: ReadonlyMap<number, Columns>;
  /** By the number of the view's column: the one column that it shows as it is. */
  readonly plain: ReadonlyMap<number, number>;
  /** What decides which rows are shown. */
  readonly always: Columns;
}

/**
 * The parse trees of a view that shows its base's rows one by one, from the view itself down to the one over the base
 * table. Such a view has one relation in its FROM.
 * @param trees of the view and those under it, by their oids
 */
export function orderViewTrees(
  trees: ReadonlyMap<string, string>,
  viewOid: string,
  baseOid: string,
): string[] {
  const ordered: string[] = [];
  for (let oid = viewOid; oid !== baseOid;) {
    const tree = trees.get(oid);
    // Up to Postgres 15 a rule's own view is among its relations.
    const below = [...(tree ?? "").matchAll(/ :relid (\d+) /g)].map(([, relid]) => relid!);
    const next = below.find((relid) => relid !== oid);
    if (tree === undefined || next === undefined) throw new Error("A view's parse tree names no relation.");
    ordered.push(tree);
    oid = next;
  }
  return ordered;
}

/** @param uses "except as oid": a column of names (regclass) that is cast to oid is not read as what it prints */
export function parseRules(trees: readonly string[], uses: "all" | "except as oid" = "all"): ViewRule[] {
  return trees.map((tree) =>
    parseRule(uses === "all" ? tree : tree.replaceAll(CAST_TO_OID, "{RELABELTYPE ")),
  );
}

/** The columns of the base that these columns of the uppermost view, and the choice of its rows, are computed from. */
export function columnsRead(rules: readonly ViewRule[], shown: readonly number[]): Columns {
  let columns: Columns = new Set(shown);
  for (const { outputs, always } of rules) {
    const wanted: Columns[] =
      columns === "all" ? [...outputs.values()] : [...columns].map((n) => outputs.get(n)!);
    columns = union([...wanted, always]);
  }
  return columns;
}

/** The column of the base that a column of the uppermost view shows as it is; null where it computes its own. */
export function columnShown(rules: readonly ViewRule[], number: number): number | null {
  let column: number | undefined = number;
  for (const { plain } of rules) column = column === undefined ? undefined : plain.get(column);
  return column ?? null;
}

/** The type oid has the number 26. */
const CAST_TO_OID = /\{RELABELTYPE :arg \{VAR [^{}]*\} (?=:resulttype 26 )/g;

/** Reads what `pg_rewrite` holds of a view: nested nodes in braces, in which a brace of a name has a backslash. */
function parseRule(tree: string): ViewRule {
  const outputs = new Map<number, Columns>();
  const plain = new Map<number, number>();
  let outside = "";
  let from = 0;
  for (let start = tree.indexOf(ENTRY); start >= 0; start = tree.indexOf(ENTRY, from)) {
    outside += tree.slice(from, start);
    from = endOfNode(tree, start);
    const entry = tree.slice(start, from);
    const number = Number([...entry.matchAll(/ :resno (\d+) /g)].at(-1)![1]);
    outputs.set(number, columnsIn(entry));
    const shown = PLAIN_ENTRY.exec(entry);
    if (shown) plain.set(number, Number(shown[1]));
  }
  return { outputs, plain, always: columnsIn(outside + tree.slice(from)) };
}

const ENTRY = "{TARGETENTRY ";
const PLAIN_ENTRY = /^\{TARGETENTRY :expr \{VAR :varno \d+ :varattno ([1-9]\d*) [^{}]*\} :resno /;

function endOfNode(tree: string, start: number): number {
  let depth = 0;
  for (let at = start; at < tree.length; at++) {
    if (tree[at] === "\\") at++;
    else if (tree[at] === "{") depth++;
    else if (tree[at] === "}" && --depth === 0) return at + 1;
  }
  throw new Error("A view's parse tree has no end.");
}

/** Number 0 is the whole row; system columns, which are below it, are not asked for here. */
function columnsIn(text: string): Columns {
  const numbers = [...text.matchAll(/\{VAR :varno \d+ :varattno (-?\d+) /g)].map(([, number]) =>
    Number(number),
  );
  return numbers.includes(0) ? "all" : new Set(numbers.filter((number) => number > 0));
}

function union(sets: readonly Columns[]): Columns {
  const numbers = new Set<number>();
  for (const columns of sets) {
    if (columns === "all") return "all";
    for (const number of columns) numbers.add(number);
  }
  return numbers;
}
