/** A column's type as SQL writes it, and texts that its input function takes: every extreme that is known of it. */
export interface Samples {
  type: string;
  texts: string[];
  /** What it is, where the name does not say so. */
  note?: string;
  /** Not before this major version. */
  since?: number;
  /** The extension that brings the type: a server may come without it. */
  extension?: Extension;
  /** A domain that does not take NULL. */
  notNull?: true;
}

export const EXTENSIONS = ["citext", "hstore", "ltree", "cube", "seg", "isn", "lo", "intarray"] as const;
export type Extension = (typeof EXTENSIONS)[number];

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
  ...[
    "2024-03-31 00:59:59.999999+00",
    "2024-03-31 01:00:00+00",
    "2024-03-31 02:30:00+02",
    "2024-10-27 02:30:00+02",
  ],
  ...[
    "2024-10-27 02:30:00+01",
    "2024-03-10 06:59:59.999999+00",
    "2024-03-10 07:00:00+00",
    "2024-11-03 01:30:00-04",
  ],
  ...["2024-11-03 01:30:00-05", "1883-11-18 12:03:57+00", "1600-02-29 12:00:00+00"],
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

/** By kind, in the order in which the tests name them. */
export const SAMPLES_BY_KIND: Record<string, Samples[]> = {
  numbers: [
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
  ],
  texts: [
    { type: "text", texts: NASTY_TEXTS },
    { type: "varchar(20)", texts: ["trailing  ", "ünï"] },
    { type: "char(5)", texts: ["ab", "", "ünï"] },
    { type: '"char"', texts: ["a", "\\377", "\\000", ""] },
    { type: "name", texts: ["a name", "{odd}"] },
    { type: "bytea", texts: ["\\x", `\\x${EVERY_BYTE}`] },
    { type: "bit(4)", texts: ["0101"] },
    { type: "bit varying", texts: ["", "1"] },
    { type: "uuid", texts: ["3F2504E0-4F89-11D3-9A0C-0305E82C3301"] },
  ],
  times: [
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
        ...[
          "2024-03-31 02:30:00",
          "2024-10-27 02:30:00.000001",
          "2024-01-31 12:34:56.7",
          "infinity",
          "-infinity",
        ],
        ...[
          "0044-03-15 12:00 BC",
          "4713-11-24 00:00 BC",
          "294276-12-31 23:59:59.999999",
          "1969-12-31 23:59:59.999999",
        ],
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
  ],
  documents: [
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
        ...[
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
        ],
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
  ],
  networks: [
    { type: "inet", texts: ["10.0.0.1", "10.0.0.1/8", "::1", "::ffff:1.2.3.4/128"] },
    { type: "cidr", texts: ["10.0.0.0/8", "10.0.0.1/32", "::/0"] },
    { type: "macaddr", texts: ["08-00-2b-01-02-03"] },
    { type: "macaddr8", texts: ["08:00:2b:01:02:03:04:05"] },
  ],
  "text search": [
    { type: "tsvector", texts: ["a:1A,2 'it''s':3 'b c'", ""] },
    { type: "tsquery", texts: ["a & !'b c':*A <2> d"] },
  ],
  geometry: [
    { type: "point", texts: ["(1,-0)", "(NaN,1e300)", "(0.1,Infinity)"] },
    { type: "line", texts: ["{1,-1,0.1}"] },
    { type: "lseg", texts: ["[(0,0),(1,1)]"] },
    { type: "box", texts: ["(0,0),(1,1)"] },
    { type: "path", texts: ["[(0,0),(1,1)]", "((0,0),(1,1))"] },
    { type: "polygon", texts: ["((0,0),(1,1),(1,0))"] },
    { type: "circle", texts: ["<(0,0),1.5>"] },
  ],
  ranges: [
    { type: "int4range", texts: ["empty", "[1,5]", "(,)"] },
    { type: "int8range", texts: ["[1,9223372036854775807)"] },
    { type: "numrange", texts: ["[1.0,2.50)"] },
    { type: "tsrange", texts: ["[2024-01-01 00:00,infinity]"] },
    { type: "tstzrange", texts: ["[2024-03-31 01:00+02,)"] },
    { type: "daterange", texts: ["[2024-01-01,2024-12-31]"] },
    { type: "int4multirange", texts: ["{}", "{[1,2],[5,6)}"] },
    { type: "int8multirange", texts: ["{[1,2]}"] },
    { type: "nummultirange", texts: ["{[1.0,2.50),(3,)}"] },
    { type: "tsmultirange", texts: ["{[2024-01-01 00:00,2024-01-02 00:00)}"] },
    { type: "tstzmultirange", texts: ["{[2024-03-31 01:00+02,)}"] },
    { type: "datemultirange", texts: ["{[2024-01-01,2024-12-31]}"] },
  ],
  "of users": [
    { type: "mood", note: "enum", texts: ["sad", "so so", 'it\'s "ok", {ok}', "ünï"] },
    {
      type: "pair",
      note: "composite",
      texts: ['(1,"a ""b"", \\\\",2024-03-31 01:00+02,-0)', "(,,,)", '(,"",,NaN)'],
    },
    {
      type: "nest",
      note: "composite of a composite, arrays, json and jsonb",
      texts: [
        String.raw`("(1,""a """"b"""", \\\\"",""2024-03-31 01:00+02"",-0)","{a,NULL,""b \\""c\\""""}","{""_a"": [1.50, null]}","{""b"":1,  ""b"":2}","{""so so""}")`,
        "(,,,,)",
        '("(,,,)",{},null,null,{})',
      ],
    },
    { type: "floatrange", note: "range", texts: ["[-0,1e15)", "[NaN,]", "(-Infinity,Infinity)"] },
    { type: "floatmultirange", note: "multirange", texts: ["{[-0,1),[2,)}"] },
    { type: "textrange", note: "range", texts: ['["",a)', '["a ""b"" \\\\,)]","é"]', "(,)"] },
    { type: "texts", note: "its multirange", texts: ['{["",a),["b, }",)}'] },
    { type: "score", note: "domain over numeric(5,2)", texts: ["1.5", "NaN"] },
    { type: "high_score", note: "domain over that", texts: ["99.99"] },
    {
      type: "required",
      note: "NOT NULL domain over int8",
      texts: ["-9223372036854775808", "9007199254740993"],
      notNull: true,
    },
    { type: "labels", note: "domain over text[]", texts: ["{a,NULL}", "[0:0]={a}", "{{a},{b}}", "{}"] },
    { type: "grid", note: "domain over int[]", texts: ["{{1,2},{3,NULL}}", "[0:0][2:3]={{1,2}}"] },
    { type: "document", note: "domain over jsonb", texts: ['{"_a": 12345678901234567890}', "null"] },
    { type: "documents", note: "domain over jsonb[]", texts: ['{"[1]",NULL,"null"}', '{{"[1]"},{2}}'] },
    {
      type: "moment",
      note: "domain over timestamptz(3)",
      texts: ["2024-03-31 02:59:59.9996+02", "infinity"],
    },
    { type: "feeling", note: "domain over the enum", texts: ["so so"] },
    { type: "whole_pair", note: "domain over the composite", texts: ['(1,"x y",,)'], notNull: true },
    { type: "span", note: "domain over tstzrange", texts: ["[2024-03-31 01:00+02,)", "empty"] },
    {
      type: "spans",
      note: "domain over tstzmultirange",
      texts: ["{[2024-03-31 01:00+02,2024-04-01 00:00+02)}"],
    },
    { type: "raw_bytes", note: "domain over bytea", texts: ["\\x00ff"] },
    { type: "information_schema.sql_identifier", texts: ["a name"] },
    { type: "information_schema.cardinal_number", texts: ["0"] },
    { type: "information_schema.time_stamp", texts: ["2024-03-31 02:59:59.9996+02"] },
  ],
  "of extensions": [
    { type: "citext", texts: ["Foo", "fOO"], extension: "citext" },
    {
      type: "hstore",
      texts: ['a=>1, "b c"=>NULL, d=>"NULL", "é\\""=>""', ""],
      extension: "hstore",
    },
    { type: "ltree", texts: ["a.b.c", ""], extension: "ltree" },
    { type: "lquery", texts: ["a.*{1,2}.!b|c"], extension: "ltree" },
    { type: "ltxtquery", texts: ["a & !b"], extension: "ltree" },
    { type: "cube", texts: ["(1,-0.5),(2,1e300)", "(0.1)"], extension: "cube" },
    { type: "seg", texts: ["1.50 .. ~2.0", "<3"], extension: "seg" },
    { type: "isbn13", texts: ["978-0-393-04002-9"], extension: "isn" },
    { type: "isbn", texts: ["0-393-04002-X"], extension: "isn" },
    { type: "ismn13", texts: ["979-0-060-11561-5"], extension: "isn" },
    { type: "ismn", texts: ["M-060-11561-5"], extension: "isn" },
    { type: "issn13", texts: ["977-1436-452-00-8"], extension: "isn" },
    { type: "issn", texts: ["1436-4522"], extension: "isn" },
    { type: "ean13", texts: ["977-1436-452-00-8"], extension: "isn" },
    { type: "upc", texts: ["220356483481"], extension: "isn" },
    { type: "lo", texts: ["4294967295"], extension: "lo" },
    { type: "query_int", texts: ["1&(2|3)"], extension: "intarray" },
  ],
  "of Postgres itself": [
    { type: "pg_lsn", texts: ["16/B374D848", "0/0"] },
    { type: "xid", texts: ["4294967295"] },
    { type: "xid8", texts: ["18446744073709551615"] },
    { type: "cid", texts: ["1"] },
    { type: "tid", texts: ["(4294967295,65535)"] },
    { type: "pg_snapshot", texts: ["10:20:10,14,15"] },
    { type: "txid_snapshot", texts: ["10:20:10,14,15"] },
    { type: "int2vector", texts: ["1 2 3", ""] },
    { type: "oidvector", texts: ["1 2"] },
    { type: "aclitem", texts: ["=r/postgres"] },
    { type: "refcursor", texts: ["a cursor"] },
    { type: "regclass", texts: ["pg_class", "-"] },
    { type: "regtype", texts: ["integer"] },
    { type: "regproc", texts: ["now"] },
    { type: "regprocedure", texts: ["now()"] },
    { type: "regoper", texts: ["||/"] },
    { type: "regoperator", texts: ["+(integer,integer)"] },
    { type: "regrole", texts: ["pg_monitor"] },
    { type: "regnamespace", texts: ["public"] },
    { type: "regconfig", texts: ["english"] },
    { type: "regdictionary", texts: ["simple"] },
    { type: "regcollation", texts: ['"C"'] },
  ],
  arrays: [
    {
      type: "integer[]",
      texts: ["{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={1,2}", "[2:2][-1:0]={{1,2}}", "{{{{{{1}}}}}}"],
    },
    { type: "bigint[]", texts: ["{9223372036854775807}"] },
    { type: "double precision[]", texts: ["{NaN,-0,1e15,Infinity}"] },
    { type: "numeric(5,2)[]", texts: ["{1.5,NULL}"] },
    { type: "boolean[]", texts: ["{t,f,NULL}"] },
    {
      type: "text[]",
      texts: [
        "{}",
        '{"",NULL,"NULL","a\\"b","a\\\\b","a,b","{}"," a","\t"}',
        '{{"a b","\u00a0"},{c,"ü\\n"}}',
      ],
    },
    { type: "char(3)[]", texts: ["{a,bcd}"] },
    { type: "bytea[]", texts: ['{"\\\\x00ff"}'] },
    { type: "date[]", texts: ["{2024-01-31,infinity}"] },
    { type: "timestamptz[]", texts: ['{"2024-03-31 01:00+02",-infinity}'] },
    { type: "mood[]", texts: ['{"so so",sad}'] },
    { type: "pair[]", texts: ['{"(1,\\"a \\"\\"b\\",,)"}'] },
    { type: "box[]", texts: ["{(0,0),(1,1);(2,2),(3,3)}"] },
    { type: "score[]", texts: ["{1.5}"] },
    { type: "json[]", texts: ['{"{\\"a\\":  1}",NULL,"null"}'] },
    { type: "jsonb[]", texts: ['{"{\\"_a\\": [1]}",NULL,"null","[2]"}', '{{"[1]"},{2}}'] },
    { type: "int4range[]", texts: ['{"[1,2)",empty}'] },
  ],
};

export const SAMPLES: readonly Samples[] = Object.values(SAMPLES_BY_KIND).flat();
