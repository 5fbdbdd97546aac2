import type { PropertyValidators } from "convex/values";
import type { Sql } from "postgres";
import type { Usage } from "../../local/convex/usage.js";
import type { CallGate } from "./call-gate.js";
import type { Variables } from "./cli-process.js";
import type { ConvexCli } from "./convex-cli.js";

/** A Postgres with the seven tables, filled, and a deployment of our functions: what every end-to-end test works on. */
export interface Stack {
  databaseUrl: string;
  sql: Sql;
  /** Stands before the deployment: CONVEX_URL of `environment` names it. */
  gate: CallGate;
  convex: ConvexCli;
  /** For the CLI: DATABASE_URL, CONVEX_URL, CONVEX_SYNC_AUTH_KEY. */
  environment: Variables;
  /** What must not show up in any output. */
  secrets: readonly string[];
  /** Of the local deployment, which counts what Convex would bill. Null where the real backend runs. */
  usage: (() => Promise<Usage>) | null;
  /** Every document of a mirror and of the sync's own tables. */
  readDeployment(mirror: string): Promise<unknown>;
  /** Deploys the same once more with these fields beside those of a mirrored table. Only of the local one. */
  deployFields?(table: string, fields: PropertyValidators): Promise<void>;
  /** Another, empty database of the same server. */
  createDatabase(): Promise<{ url: string; sql: Sql }>;
  /** Another deployment, of which something is missing. The URL is all that a test needs. */
  startDeployment(lacking: "functions" | "sync key"): Promise<string>;
  stop(): Promise<void>;
}

/** One kind of stack; the same suites run on each. */
export interface StackKind {
  name: string;
  /** @param scale of the seven tables; 1 is 60,000 rows */
  start(scale: number): Promise<Stack>;
}
