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
  return [deployment, kind, ...(each ? ["each"] : []), ...(tables ?? ["all"])].join("/");
}

/** @returns whether it was put in; false: one like it waits already */
export async function putJob(queue: PgBoss, of: Job): Promise<boolean> {
  return (await queue.send(JOBS, of, { singletonKey: nameOf(of) })) !== null;
}
