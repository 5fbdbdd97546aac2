/** A text that a database of any encoding can hold: messages of ours have an ellipsis, and names may have anything. */
export function inAscii(text: string): string {
  return text.replaceAll("…", "...").replaceAll(/[^\0-\x7f]/gu, "?");
}
