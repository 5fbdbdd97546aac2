import type { Random } from "../local/data/random.js";

/** Keys that look like escapes, that JavaScript treats specially, or that Convex refuses. */
const KEYS = [
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
  "__proto__",
  "constructor",
  "0",
  "1map",
  "_id",
  "$ref",
  "größe",
  "é%C3",
  "\u007f",
  "\u0001",
  "😀",
  'a"b\\c',
  "%41",
  "k".repeat(1024),
  "k".repeat(1025),
];

const NUMBERS = [
  "0",
  "-0",
  "1.0",
  "1.00",
  "0.1",
  "12345678901234567890",
  "-12345678901234567890.50",
  "9007199254740993",
  "0.1000000000000000055",
  "1e-400",
  "1e400",
  "5e-324",
  "1.7976931348623157e308",
  "3",
];

const STRINGS = ["", "~number", "12345678901234567890", ": 1e5, ", '"\\', "ünï 😀", "\u0001\u007f", "null"];

/** The text of a jsonb: odd keys, numbers beyond a double, and now and then the planted text. */
export function randomJson(random: Random, planted: string, depth = 0): string {
  const draw = random.integer(0, depth > 3 ? 5 : 9);
  if (draw === 0) return "null";
  if (draw === 1) return random.pick(["true", "false", "{}", "[]"]);
  if (draw <= 3)
    return random.chance(0.5)
      ? random.pick(NUMBERS)
      : `${random.integer(-1e9, 1e9)}.${random.integer(0, 1e9)}`;
  if (draw <= 5) return JSON.stringify(random.chance(0.4) ? planted : random.pick(STRINGS));
  const length = random.integer(0, 5);
  const items = Array.from({ length }, () => randomJson(random, planted, depth + 1));
  if (draw === 6) return `[${items.join(", ")}]`;
  const key = () => JSON.stringify(random.chance(0.1) ? planted : random.pick(KEYS));
  return `{${items.map((item) => `${key()}: ${item}`).join(", ")}}`;
}

/** Texts of jsonb that no document holds: nested too deep, too many keys, too many elements, too large. */
export function unmirrorableJson(random: Random, planted: string): string {
  const filler = JSON.stringify(planted);
  switch (random.integer(0, 3)) {
    case 0:
      return `${"[".repeat(20)}${filler}${"]".repeat(20)}`;
    case 1:
      return `{${Array.from({ length: 1100 }, (_, i) => `"${i}": 1`).join(",")}, "x": ${filler}}`;
    case 2:
      return `[${Array.from({ length: 8300 }, () => 1).join(",")}, ${filler}]`;
    default:
      return `["${"x".repeat(1_100_000)}", ${filler}]`;
  }
}
