import type { Secret } from "./secret.js";

/** Who hears of runs. The addresses hold what lets anybody write to them, and are secrets as a whole. */
export interface AlertConfig {
  /** GET at the start, the success and the failure of each run, as healthchecks.io has it; null: not. */
  pings: { start: Secret | null; success: Secret | null; failure: Secret | null };
  /** POST with the report as JSON; null: not. */
  webhook: Secret | null;
  /** `changes`: when a run ends otherwise than the one before it. */
  webhookWhen: "changes" | "always";
}
