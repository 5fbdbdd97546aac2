import type { Samples } from "./samples.js";

const HUNDRED_DIGITS = "1234567890".repeat(10);
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("hex");
const FLOATS = [
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "0",
  "0.1",
  "1e-5",
  "123456.7",
  "1e6",
  "1e15",
  "1234567",
];
const TIMES_OF_DAY = ["00:00", "23:59:59.999999", "24:00", "12:34:56.5"];
const AROUND_CLOCK_CHANGES = [
  // 31 March and 27 October 2024 in Berlin, 10 March and 3 November in New York
  "2024-03-31 00:59:59.999999+00",
  "2024-03-31 01:00:00+00",
  "2024-03-31 02:30:00+02",
  "2024-10-27 02:30:00+02",
  "2024-10-27 02:30:00+01",
  "2024-03-10 06:59:59.999999+00",
  "2024-03-10 07:00:00+00",
  "2024-11-03 01:30:00-04",
  "2024-11-03 01:30:00-05",
  "1883-11-18 12:03:57+00",
  "1600-02-29 12:00:00+00",
];
const NASTY_TEXTS = [
  "",
  " ",
  "NULL",
  "null",
  'a "quoted" \\ text',
  "{a,b}",
  "tab\tline\nreturn\r",
  "ünï 😀 \u0001\u007f\ufffd",
  // Line ends of JavaScript alone, a byte order mark, a character that is none, and what looks like a NUL or a surrogate
  "\u2028\u2029\u0085",
  "\ufeff\uffff\u{10ffff}",
  "\\0 \\u0000 \\000 \\x00 \u2400 \\ud800",
  "e\u0301 \u00e9",
];

export const NUMBERS: Samples[] = [
  { type: "smallint", texts: ["-32768", "32767", "0"] },
  { type: "integer", texts: ["-2147483648", "2147483647"] },
  { type: "bigint", texts: ["-9223372036854775808", "9223372036854775807", "9007199254740993"] },
  { type: "oid", texts: ["0", "4294967295"] },
  { type: "real", texts: [...FLOATS, "3.4028235e38", "1e-45", "16777216", "9.9999992e18", "0.30000001"] },
  {
    type: "double precision",
    texts: [...FLOATS, "1.7976931348623157e308", "5e-324", "0.30000000000000004", "9.896337664021041e17"],
  },
  {
    type: "numeric",
    texts: [
      HUNDRED_DIGITS,
      `-${HUNDRED_DIGITS}.${HUNDRED_DIGITS}`,
      "1.0",
      "1.00",
      "NaN",
      "Infinity",
      "-Infinity",
    ],
  },
  { type: "numeric(10,8)", texts: ["1.5", "-26.37512345", "0", "99.99999999", "-0.00000001", "NaN"] },
  { type: "numeric(15,0)", texts: ["999999999999999", "-999999999999999"] },
  { type: "numeric(15,15)", texts: ["0.999999999999999", "-0.000000000000001"] },
  { type: "numeric(16,2)", texts: ["12345678901234.56"] },
  { type: "numeric(1000,900)", texts: ["1.5", "NaN"] },
  { type: "numeric(3,-2)", texts: ["12345", "-99900"] },
  { type: "numeric(3,6)", texts: ["0.000999", "-0.0005"] },
  { type: "money", texts: ["-92233720368547758.08", "1234.5"] },
  { type: "boolean", texts: ["true", "false"] },
];

export const TEXTS: Samples[] = [
  { type: "text", texts: NASTY_TEXTS },
  { type: "varchar(20)", texts: ["trailing  ", "ünï"] },
  { type: "char(5)", texts: ["ab", "", "ünï"] },
  { type: '"char"', texts: ["a", "\\377", "\\000", ""] },
  { type: "name", texts: ["a name", "{odd}"] },
  { type: "bytea", texts: ["\\x", `\\x${EVERY_BYTE}`] },
  { type: "bit(4)", texts: ["0101"] },
  { type: "bit varying", texts: ["", "1"] },
  { type: "uuid", texts: ["3F2504E0-4F89-11D3-9A0C-0305E82C3301"] },
];

export const TIMES: Samples[] = [
  {
    type: "date",
    texts: [
      "2024-02-29",
      "infinity",
      "-infinity",
      "0001-12-31 BC",
      "0001-01-01",
      "4713-01-01 BC",
      "5874897-12-31",
      "10000-01-01",
    ],
  },
  {
    type: "timestamp",
    texts: [
      "2024-03-31 02:30:00",
      "2024-10-27 02:30:00.000001",
      "2024-01-31 12:34:56.7",
      "infinity",
      "-infinity",
      "0044-03-15 12:00 BC",
      "4713-11-24 00:00 BC",
      "294276-12-31 23:59:59.999999",
      "1969-12-31 23:59:59.999999",
    ],
  },
  { type: "timestamp(0)", texts: ["2024-01-31 12:34:56.7"] },
  {
    type: "timestamptz",
    texts: [
      ...AROUND_CLOCK_CHANGES,
      "infinity",
      "-infinity",
      "4714-11-24 00:00+00 BC",
      "294276-12-31 23:59:59.999999+00",
    ],
  },
  { type: "timestamptz(3)", texts: ["2024-01-31 12:34:56.7891+00"] },
  { type: "time", texts: TIMES_OF_DAY },
  { type: "timetz", texts: [...TIMES_OF_DAY.map((time) => `${time}+05:30`), "12:00-15:59:59"] },
  {
    type: "interval",
    texts: [
      "1 year -2 mons 3 days -04:05:06.789",
      "0",
      "-178000000 years",
      "00:00:00.000001",
      "24:00",
      "1 day",
    ],
  },
  { type: "interval", texts: ["infinity", "-infinity"], since: 17 },
];
