import { createHash } from "node:crypto";
import type { PgBoss } from "pg-boss";
import { z } from "zod";
import type { Job } from "../../model/job.js";
import { JOBS } from "./open-queue.js";

/** As it comes out of the queue: anybody may have put it in. */
const job = z.object({
  deployment: z.string(),
  kind: z.enum(["delta", "full", "deep"]),
  tables: z.array(z.string()).min(1).nullable().default(null),
  each: z.boolean().default(false),
}) satisfies z.ZodType<Job>;

/** @throws Error that names what is wrong */
export function readJob(data: unknown): Job {
  const read = job.safeParse(data);
  if (read.success) return read.data;
  throw new Error(`This is no job of datahub-sync: ${z.prettifyError(read.error)}`);
}

/** Jobs of one name are one while they wait. */
export function nameOf({ deployment, kind, tables, each }: Job): string {
  return [deployment, kind, ...(each ? ["each"] : []), ofTables(tables)].join("/");
}

/** A name is looked up by an index, for which hundreds of tables would be too long. */
function ofTables(tables: Job["tables"]): string {
  if (tables === null) return "all";
  const names = tables.join("/");
  if (names.length <= 200) return names;
  return `${tables.length} tables ${createHash("sha256").update(names).digest("hex")}`;
}

/**
 * Jobs that a job for each table stands for, at most: where there are more tables, some share one. Each job has the beginning and
 * the end of a run; three hundred small tables are compared in seconds by one, and in minutes by three hundred.
 */
const MOST_JOBS = 16;

/** The tables dealt out to jobs. */
export function dealOut(job: Job, tables: readonly string[]): Job[] {
  const jobs = Math.min(MOST_JOBS, tables.length);
  return Array.from({ length: jobs }, (_, place) => ({
    ...job,
    each: false,
    tables: tables.filter((_name, index) => index % jobs === place),
  }));
}

/** @returns whether it was put in; false: one like it waits already */
export async function putJob(queue: PgBoss, of: Job): Promise<boolean> {
  return (await queue.send(JOBS, of, { singletonKey: nameOf(of) })) !== null;
}
