import { z } from "zod";
import { strictObject } from "./strict-object.js";

const schedule = strictObject({
  cron: z.string().min(9, "expected five fields, as cron has them").meta({
    description: 'When, in five fields as cron has them: "0 */4 * * *".',
  }),
  kind: z.enum(["delta", "full", "deep"]).default("delta").meta({
    description: "delta: what changed. full: compares everything. deep: reads the documents as well.",
  }),
  tables: z
    .array(z.string().min(1, "expected a table's name"))
    .min(1, "expected a table")
    .optional()
    .meta({ description: "Mirrors or relations. Default: all." }),
  each: z.boolean().default(false).meta({
    description:
      "A job for each table, of 16 jobs at most, so that several workers share them. Default: one run of all, which costs least where little happens.",
  }),
});

const deployment = strictObject({
  directory: z.string().min(1, "expected a directory").default(".").meta({
    description: "Where its .env and its datahub-sync.config.json are, from this file's folder.",
  }),
  envFile: z.string().min(1, "expected a file").optional().meta({
    description: "The file of its variables, from its directory, in the place of .env.local and .env.",
  }),
  schedules: z
    .array(schedule)
    .default([])
    .meta({ description: "What workers put into the queue, and when." }),
});

/** `datahub-sync.deployments.json`. */
export const deploymentsFileSchema = strictObject({
  $schema: z.string().optional().meta({ description: "For editors." }),
  timezone: z.string().min(1, "expected a time zone").default("UTC").meta({
    description: "Of all schedules, as the IANA database names it.",
  }),
  deployments: z
    .record(
      z
        .string()
        .regex(
          /^[A-Za-z][A-Za-z0-9_-]{0,49}$/,
          "expected a letter, then letters, digits, - or _; at most 50",
        ),
      deployment,
    )
    .refine((all) => Object.keys(all).length > 0, "names no deployment")
    .meta({ description: "By a name of your own, which jobs carry." }),
}).meta({ title: "Deployments that datahub-sync's workers run for" });

export type DeploymentsFile = z.output<typeof deploymentsFileSchema>;
