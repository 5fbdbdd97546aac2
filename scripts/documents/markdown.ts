/** A table; prettier aligns it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

export function code(text: string): string {
  return `\`${text}\``;
}

/** A link from docs/reference to a section of docs, by its path there. */
export function linkTo(path: string): string {
  const [file, anchor] = path.split("#");
  const name = anchor === undefined ? file!.replace(/\.md$/, "") : anchor;
  const shown = name.replace("reference/", "").replaceAll("-", " ");
  return `[${shown}](${path.startsWith("reference/") ? path.slice("reference/".length) : `../${path}`})`;
}

/** In the order in which the groups come first. */
export function inGroups<Row>(
  rows: readonly Row[],
  groupOf: (row: Row) => string,
): readonly (readonly [group: string, rows: Row[]])[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(groupOf(row), [...(groups.get(groupOf(row)) ?? []), row]);
  return [...groups];
}

/** As prose wraps in this repository, links whole; `indent` is for all lines but the first. */
export function wrap(text: string, indent = "", width = 130): string {
  const lines: string[] = [];
  let line = "";
  for (const [word] of text.matchAll(/\[[^\]]*\]\([^)]*\)\S*|\S+/g)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
