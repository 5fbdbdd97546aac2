import { z } from "zod";
import type { EncodingName } from "../model/encoding.js";
import { CONVEX_LIMITS } from "../model/limits.js";
import { PLAN_NAMES } from "./budget.js";
import { DEFAULT_IGNORE } from "./default-mirrors.js";
import { RELATION_PATTERN } from "./relation-name.js";
import { strictObject } from "./strict-object.js";

/** Every encoding, with what an editor shows about it. The type makes the list complete. */
const ENCODINGS = {
  default: "the type's default",
  text: "the text that Postgres prints, as a string",
  json: "json and jsonb: a Convex object, array or scalar",
  number: "a number; only for types that it holds losslessly",
  int64: "a Convex int64 (bigint)",
  string: "a string",
} satisfies Record<EncodingName, string>;

const encodingNames = Object.keys(ENCODINGS) as [EncodingName, ...EncodingName[]];

const relation = z
  .string()
  .regex(RELATION_PATTERN, 'expected "name" or "schema.name", a part with a dot or a quote in double quotes');

/** As a pattern, which the JSON Schema can hold; `isConvexName` is the same rule. */
export const CONVEX_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

const convexName = z
  .string()
  .regex(
    CONVEX_NAME,
    `expected a name that Convex accepts: a letter, then letters, digits, _; at most ${CONVEX_LIMITS.maxNameLength}`,
  );

const columnName = z.string().min(1, "expected a column's name");

const columnNames = z
  .array(columnName)
  .refine((names) => new Set(names).size === names.length, "names a column twice")
  .meta({ uniqueItems: true });

const column = strictObject({
  field: convexName
    .optional()
    .meta({ description: "The field's name in Convex. Default: the column's name." }),
  encoding: z
    .enum(encodingNames)
    .optional()
    .meta({
      description: Object.entries(ENCODINGS)
        .map(([name, meaning]) => `${name}: ${meaning}`)
        .join("; "),
    }),
});

const table = strictObject({
  relation: relation.meta({
    description:
      "The relation to read: a table, a partitioned table, or a view over one table. Schema: public.",
    examples: ["sow_poles", "warehouse.orders"],
  }),
  base: relation.optional().meta({
    description: "The table that is tracked. Default: the relation, or the one table under the view.",
  }),
  mirror: convexName.optional().meta({ description: "The Convex table. Default: the relation's bare name." }),
  key: columnNames
    .min(1, "expected at least one column")
    .optional()
    .meta({ description: "The columns that identify a row. Default: the primary key." }),
  ignore: columnNames.default([...DEFAULT_IGNORE]).meta({
    description: "Columns that neither count as a change nor are mirrored.",
  }),
  updatedAt: z.enum(["content", "as-written"]).optional().meta({
    description:
      "What the table's updated_at means. content: it moves only when the content changes; an UPDATE that sets what is there keeps it, so a job that deletes rows whose updated_at it has not just moved would delete every unchanged row. as-written: an ordinary column. Default: content for the seven default tables, as-written elsewhere.",
  }),
  exclude: columnNames.default([]).meta({
    description:
      "Columns that are not mirrored. Whatever is mirrored, any public function of the deployment can read.",
  }),
  columns: z
    .record(columnName, column)
    .default({})
    .meta({ description: "By the column's name in the relation." }),
}).superRefine((entry, context) => {
  const leftOut = entry.ignore.includes("updated_at")
    ? "ignore"
    : entry.exclude.includes("updated_at")
      ? "exclude"
      : null;
  if (entry.updatedAt !== undefined && leftOut !== null) {
    context.addIssue({
      code: "custom",
      path: ["updatedAt"],
      message: `is for a column that ${leftOut} leaves out`,
    });
  }
  for (const name of entry.key ?? []) {
    const list = entry.ignore.includes(name) ? "ignore" : entry.exclude.includes(name) ? "exclude" : null;
    if (list !== null) {
      context.addIssue({ code: "custom", path: [list], message: `names ${name}, which is part of the key` });
    }
  }
  const fields = new Map<string, string>();
  for (const [name, { field }] of Object.entries(entry.columns)) {
    const list = entry.ignore.includes(name) ? "ignore" : entry.exclude.includes(name) ? "exclude" : null;
    if (list !== null) {
      context.addIssue({
        code: "custom",
        path: ["columns", name],
        message: `is for a column that ${list} leaves out`,
      });
    }
    if (field === undefined) continue;
    const other = fields.get(field);
    if (other !== undefined) {
      const message = `is ${field}, and so is that of ${other}`;
      context.addIssue({ code: "custom", path: ["columns", name, "field"], message });
    }
    fields.set(field, name);
  }
});

const planName = z.enum(PLAN_NAMES);

const amount = (description: string) =>
  z.number().positive("expected a number above 0").optional().meta({ description });

const budget = z.union(
  [
    planName,
    strictObject({
      plan: planName
        .optional()
        .meta({ description: "A plan of Convex, for the amounts that are not given." }),
      databaseIoGb: amount("Database I/O in a calendar month, in GB (1,000,000,000 bytes)."),
      storageGb: amount("Documents and indexes, in GB."),
      calls: amount("Function calls in a calendar month."),
    }),
  ],
  {
    error: `expected ${PLAN_NAMES.map((plan) => JSON.stringify(plan)).join(", ")}, or an object with amounts`,
  },
);

/** datahub-sync.config.json. */
export const configFileSchema = strictObject({
  $schema: z.string().optional().meta({ description: "Where an editor finds this schema." }),
  budget: budget.optional().meta({
    description:
      "What the mirrors may cost in Convex: `status` holds the month against it, and a run that would pass it warns before it begins. A plan includes that for all that the team runs: name a share where there is more than this.",
    examples: ["free", { plan: "starter", databaseIoGb: 0.6 }],
  }),
  tables: z
    .array(table)
    .min(1, "expected at least one table")
    .meta({ description: "The mirrors, in the order they run." }),
}).meta({
  title: "datahub-sync.config.json",
  description: "Which Postgres relations datahub-sync mirrors to which Convex tables.",
});

export type ConfigFile = z.output<typeof configFileSchema>;
export type ConfigFileTable = ConfigFile["tables"][number];
