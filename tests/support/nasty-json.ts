import fc from "fast-check";

/** Keys that look like escapes, that JavaScript treats specially, or that Convex refuses. */
export const nastyKey = fc.constantFrom(
  "",
  "~",
  "~~",
  "_",
  "$",
  "%",
  "~number",
  "~entries",
  "~null",
  "number",
  "entries",
  "null",
  "__proto__",
  "constructor",
  "toString",
  "0",
  "1",
  "_id",
  "é",
  "\u007f",
  "\u0001",
  "😀",
  "%C3",
  'a"b\\c',
  "k".repeat(1100),
);

const nastyString = fc.oneof(
  fc.constantFrom("~number", "12345678901234567890", ", 1234567890.1234567", ": 1e5, ", '"\\'),
  fc.string({ unit: "binary" }),
);

const nastyNumber = fc.oneof(
  fc.bigInt().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(printPlainDigits),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.stringMatching(/^[0-9]{1,25}$/))
    .map(([whole, fraction]) => `${whole}.${fraction}`),
);

/** JSON texts as jsonb prints them, but for the order of the keys. */
export const nastyJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("null", "true", "false", "{}", "[]"),
    nastyString.map((text) => JSON.stringify(text)),
    nastyNumber,
    fc.array(tie("value"), { maxLength: 6 }).map((items) => `[${items.join(", ")}]`),
    fc
      .uniqueArray(fc.tuple(fc.oneof(nastyKey, nastyString), tie("value")), {
        maxLength: 6,
        selector: ([key]) => key,
      })
      .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")}}`),
  ),
})).value;

/** As numeric prints, without an exponent. */
export function printPlainDigits(value: number): string {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e");
  const digits = mantissa!.replace(".", "");
  const point = Number(exponent) + 1;
  const sign = value < 0 ? "-" : "";
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const fraction = digits.slice(point);
  return `${sign}${digits.slice(0, point).padEnd(point, "0")}${fraction === "" ? "" : `.${fraction}`}`;
}
