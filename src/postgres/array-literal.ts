/**
 * Prints a list as a Postgres array literal, to be sent as one text parameter and cast there
 * (`$1::text::uuid[]`): the driver then needs to know nothing about the element type.
 */
export function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;
}
