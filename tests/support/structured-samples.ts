import type { Samples } from "./samples.js";

export const NETWORKS: Samples[] = [
  { type: "inet", texts: ["10.0.0.1", "10.0.0.1/8", "::1", "::ffff:1.2.3.4/128"] },
  { type: "cidr", texts: ["10.0.0.0/8", "10.0.0.1/32", "::/0"] },
  { type: "macaddr", texts: ["08-00-2b-01-02-03"] },
  { type: "macaddr8", texts: ["08:00:2b:01:02:03:04:05"] },
];

export const TEXT_SEARCH: Samples[] = [
  { type: "tsvector", texts: ["a:1A,2 'it''s':3 'b c'", ""] },
  { type: "tsquery", texts: ["a & !'b c':*A <2> d"] },
];

export const GEOMETRY: Samples[] = [
  { type: "point", texts: ["(1,-0)", "(NaN,1e300)", "(0.1,Infinity)"] },
  { type: "line", texts: ["{1,-1,0.1}"] },
  { type: "lseg", texts: ["[(0,0),(1,1)]"] },
  { type: "box", texts: ["(0,0),(1,1)"] },
  { type: "path", texts: ["[(0,0),(1,1)]", "((0,0),(1,1))"] },
  { type: "polygon", texts: ["((0,0),(1,1),(1,0))"] },
  { type: "circle", texts: ["<(0,0),1.5>"] },
];

export const RANGES: Samples[] = [
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
];

export const ARRAYS: Samples[] = [
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
    texts: ["{}", '{"",NULL,"NULL","a\\"b","a\\\\b","a,b","{}"," a","\t"}', '{{"a b","\u00a0"},{c,"ü\\n"}}'],
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
];
