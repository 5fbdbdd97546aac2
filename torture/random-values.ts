import type { Random } from "../local/data/random.js";
import { randomJson } from "./random-json.js";

/** What values are made of. */
export interface Making {
  random: Random;
  /** A text that appears in values alone, never in keys: whoever shows it shows a row's value. */
  planted: string;
}

export const MOODS = ["sad", "so so", 'it\'s "ok", {ok}', "größer 😀"];
export const WORDS = [
  "",
  " ",
  "NULL",
  "null",
  "a",
  "A",
  "Zürich",
  "ünï 😀",
  "\u{1F600}\u{E000}",
  "tab\tline\nreturn\r",
  "'quoted'",
  'a "b" \\c',
  "{a,b}",
  "a,b\\,c",
  "trailing  ",
  "%_",
  "\u0001\u007f\ufffd",
  "e\u0301",
  "-0",
  "\\x00",
  "\\N",
  "\\.",
];
export const FLOATS = [
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "0",
  "0.1",
  "1e-5",
  "1e15",
  "1e16",
  "123456.7",
  "9.896337664021041e17",
];

export function makeText(random: Random, { planted }: Making): string {
  const words = Array.from({ length: random.integer(0, 4) }, () => random.pick(WORDS));
  if (random.chance(0.5)) words.push(planted);
  return (words.join(" ") + random.integer(0, 99)).repeat(random.chance(0.02) ? 500 : 1);
}

export const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => random.integer(0, 9)).join("");

export const makeInteger = (random: Random, bits: number) => {
  const limit = 2 ** (bits - 1);
  return random.chance(0.3)
    ? random.pick([String(-limit), String(limit - 1), "0", "-1"])
    : String(random.integer(-1000, 1000));
};

export const makeBigint = (random: Random) =>
  random.chance(0.4)
    ? random.pick(["-9223372036854775808", "9223372036854775807", "9007199254740993", "0"])
    : `${random.chance(0.5) ? "-" : ""}${digits(random, random.integer(1, 18))}`;

export const makeNumeric = (random: Random) =>
  random.chance(0.3)
    ? random.pick(["NaN", "1", "1.0", "1.00", "0", "0.000", "-0.0", "1e3", digits(random, 100)])
    : `${random.chance(0.5) ? "-" : ""}${digits(random, random.integer(1, 30))}.${digits(random, random.integer(1, 20))}`;

export const makeDate = (random: Random) =>
  random.chance(0.3)
    ? random.pick(["infinity", "-infinity", "0001-12-31 BC", "4713-01-01 BC", "5874897-12-31", "10000-01-01"])
    : `${2000 + random.integer(0, 30)}-${pad(random.integer(1, 12))}-${pad(random.integer(1, 28))}`;

const pad = (value: number) => String(value).padStart(2, "0");

export const makeTime = (random: Random) =>
  `${pad(random.integer(0, 23))}:${pad(random.integer(0, 59))}:${pad(random.integer(0, 59))}.${digits(random, random.integer(1, 6))}`;

export const makeTimestamp = (random: Random) =>
  random.chance(0.2)
    ? random.pick(["infinity", "-infinity", "0044-03-15 12:00 BC", "294276-12-31 23:59:59.999999"])
    : `2024-${pad(random.pick([3, 10, 11]))}-${pad(random.integer(1, 28))} ${makeTime(random)}`;

export const makeMoment = (random: Random) =>
  random.chance(0.3)
    ? random.pick([
        "infinity",
        "-infinity",
        "0044-03-15 12:00 BC",
        "294276-12-31 23:59:59.999999+00",
        "294276-12-31 23:59:59.999998+00",
        "2024-03-31 00:59:59.999999+00",
        "2024-03-31 01:00+00",
        "2024-10-27 02:30+02",
        "2024-10-27 02:30+01",
      ])
    : `2024-${pad(random.pick([3, 10, 11]))}-${pad(random.integer(1, 28))} ${makeTime(random)}${random.pick(["+00", "+05:30", "-08"])}`;

export const makeBytes = (random: Random, { planted }: Making) =>
  `\\x${Array.from({ length: random.integer(0, 20) }, () => random.integer(0, 255).toString(16).padStart(2, "0")).join("")}${random.chance(0.2) ? Buffer.from(planted).toString("hex") : ""}`;

/** `{…}` with NULLs, at times of two dimensions or with bounds of its own. */
export function makeArray(element: (random: Random, making: Making) => string) {
  return (random: Random, making: Making): string => {
    const makeItem = () =>
      random.chance(0.15) ? "NULL" : `"${element(random, making).replace(/["\\]/g, "\\$&")}"`;
    const makeItems = (count: number) => `{${Array.from({ length: count }, makeItem).join(",")}}`;
    const count = random.integer(0, 5);
    if (count > 0 && random.chance(0.2)) return `{${makeItems(count)},${makeItems(count)}}`;
    if (count > 0 && random.chance(0.1)) return `[0:${count - 1}]=${makeItems(count)}`;
    return makeItems(count);
  };
}

export const makeJson = (random: Random, { planted }: Making) => randomJson(random, planted);

export const makePair = (random: Random, making: Making) => {
  const words = random.chance(0.3) ? "" : `"${makeText(random, making).replace(/["\\]/g, "\\$&")}"`;
  return `(${random.chance(0.3) ? "" : makeInteger(random, 32)},${words},${random.chance(0.5) ? "" : '"2024-03-31 01:00:00+02"'})`;
};
