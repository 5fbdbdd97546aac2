import type { RunMode } from "./report.js";

/** What a worker is to do: a run of a deployment. It holds no secret: whoever reads the queue learns names. */
export interface Job {
  /** Its name in the file of deployments. */
  deployment: string;
  kind: RunMode;
  /** Mirrors; null: all of them, in one run. */
  tables: string[] | null;
  /** A job for each of the mirrors, in its place; where there are many, for some of them together. */
  each: boolean;
}

/** When a job is put into the queue, by whichever worker is up. */
export interface JobSchedule {
  /** Five fields, as cron has them. */
  cron: string;
  job: Job;
}

/** A deployment that workers run for. */
export interface Deployment {
  name: string;
  /** Absolute: where its variables and its configuration are read from. */
  directory: string;
  /** Read in the place of `.env.local` and `.env`. */
  envFile: string | null;
  schedules: JobSchedule[];
}

/** The name of the one deployment, where no file names several. */
export const OWN_DEPLOYMENT = "default";
