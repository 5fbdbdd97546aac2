/**
 * A text as a literal, for people to read: what is sent goes as a parameter. The form with E means the same whatever
 * `standard_conforming_strings` is.
 */
export function quoteText(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
