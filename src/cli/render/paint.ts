import pc from "picocolors";

/** What a rendering is shown on. */
export interface Surface {
  /** Characters in a line; Infinity for what is no terminal. */
  width: number;
  /** The lines of a text, broken between words where one is wider than that; what has no space in it stays whole. */
  wrap: (text: string, width: number) => string[];
}

/** A file or a pipe: lines of any length. */
const ENDLESS: Surface = { width: Infinity, wrap: (text) => text.split("\n") };

/** The colours of a rendering, each of which gives its text back without colour, and what it is shown on. */
export type Paint = ReturnType<typeof pc.createColors> & Surface;

export function createPaint(colour: boolean, surface = ENDLESS): Paint {
  return { ...pc.createColors(colour), ...surface };
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
