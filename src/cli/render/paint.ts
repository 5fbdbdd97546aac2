import pc from "picocolors";

/** The colours of a rendering; without colour each gives its text back. */
export type Paint = ReturnType<typeof pc.createColors>;

export function createPaint(colour: boolean): Paint {
  return pc.createColors(colour);
}

/** A headed block of entries: a name, and lines of text beside it. */
export function renderEntries(head: string, entries: readonly { name: string; lines: string[] }[]): string[] {
  if (entries.length === 0) return [];
  const width = Math.max(...entries.map(({ name }) => name.length));
  const lines = entries.flatMap(({ name, lines: texts }) =>
    texts
      .flatMap((text) => text.split("\n"))
      .map((text, index) => `  ${(index === 0 ? name : "").padEnd(width)}${width === 0 ? "" : "  "}${text}`),
  );
  return ["", head, ...lines];
}
