import type { Clock } from "../../src/model/clock.js";
import type { Faults } from "./faults.js";
import type { Modules } from "./functions.js";
import type { IsolateOptions } from "./isolate.js";
import type { Plan } from "./limits.js";
import type { AtPoint } from "./runner.js";
import type { AnySchema } from "./schema.js";

export interface LocalDeploymentOptions {
  /** Modules of `convex/` by path ("datahubSync"), each with its exports. */
  modules: Modules;
  schema: AnySchema;
  /** What functions see as `process.env`. */
  env?: Record<string, string>;
  /** The key of `Authorization: Convex <key>`. Made at random when not given. */
  adminKey?: string;
  name?: string;
  /** Production's redaction of every message but a ConvexError's. On by default. */
  redact?: boolean;
  /** Write throughput and concurrency of a plan; not limited by default. */
  plan?: Plan;
  faults?: Faults;
  clock?: Clock;
  /** Makes ids reproducible. */
  seed?: number;
  /** Convex gives a function 1,000 ms of its own time. Measured by the clock, so off by default. */
  userTimeoutMs?: number;
  /** Ends functions that use too much own time, memory or database time, by a model; not limited by default. */
  isolate?: IsolateOptions;
}

export interface CallOptions {
  /** With the admin key, internal functions can be called too. */
  admin?: boolean;
  requestId?: string;
  atPoint?: AtPoint;
}
