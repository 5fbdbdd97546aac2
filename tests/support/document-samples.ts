import type { Samples } from "./samples.js";

const HUNDRED_DIGITS = "1234567890".repeat(10);

export const DOCUMENTS: Samples[] = [
  {
    type: "json",
    texts: [
      '{"b":1,  "a":2, "a":3}',
      '"\\u0000"',
      '"\\ud800"',
      "null",
      "1.00",
      "[1e400, 12345678901234567890]",
      '{"_a":{}}',
      '{"\\udfff": "\\ud83d", "a": "\\u0000"}',
      '{"b": [1e400, -1E-400, -0, 0.10], "__proto__": {"__proto__": 1}, "": {"": []}}',
      `${"[".repeat(40)}${"]".repeat(40)}`,
      `"\u2028 \\u2028"`,
    ],
  },
  {
    type: "jsonb",
    texts: [
      "null",
      "true",
      '""',
      "1.00",
      "-0",
      "1e-400",
      "12345678901234567890.50",
      "0.1000000000000000055511151231257827",
      "1e400",
      "-12345678901234567890",
      '"\\u2028 \\ud83d\\ude00 \\u0001"',
      "[]",
      "{}",
      '{"_source": 1, "$set": {"~a": null}, "": [[]], "1map": "x", "größe": "ü", "__proto__": {"constructor": 1}}',
      '{"~number": "5", "~null": true, "~entries": [], "~": 0, "%41": 1, "é%": 2, "\\u007f": 3, "\\u0001": 4}',
      '{"constructor": {"prototype": 1}, "toString": "x", "hasOwnProperty": null, "length": 0, "then": [], "toJSON": 1}',
      '{"10": 1, "9": 2, "-1": 3, "1.5": 4, "_": 5, "_id": 6, "_creationTime": 7, "$integer": "AAAAAAAAAAA=", "$bytes": ""}',
      '{"\u2028": "\u2029", "日本": "語", "😀": {"é": "e\u0301"}, "tab\\t": "\\"\\\\"}',
      `{"${"k".repeat(1024)}": 1}`,
      `{"${"k".repeat(1025)}": 12345678901234567890, "_": "${"é".repeat(3000)}"}`,
      `${"[".repeat(13)}${HUNDRED_DIGITS}${"]".repeat(13)}`,
      `{${Array.from({ length: 1024 }, (_, i) => `"${i}": ${i}.5`).join(", ")}}`,
      `[${Array.from({ length: 8192 }, (_, i) => i % 10).join(", ")}]`,
    ],
  },
  { type: "jsonpath", texts: ['$."a"[*] ? (@ > 1)'] },
  { type: "xml", texts: ["<a b='ü'>&amp;</a>"] },
];
