import type { Settings } from "./config.js";
import { pageSizes } from "./page-sizes.js";

/** The settings of each of some runs at the same time, which together take the memory, and the calls in flight, of one. */
export function shareSettings(settings: Settings, runs: number): Settings {
  const { parallel, pageRows, maxInFlight } = settings;
  return {
    ...settings,
    ...pageSizes(pageRows * parallel, parallel * runs),
    maxInFlight: Math.max(1, Math.floor(maxInFlight / runs)),
  };
}
