import type { SyncError } from "../model/errors.js";
import type { ForeseenDeployment } from "../sink/foreseen-deployment.js";
import { heldMirror } from "../state/stored-mirror.js";
import type { RunContext } from "../sync/run-context.js";
import type { RunEffects } from "../sync/run-effects.js";
import { foreseeHealing } from "./foresee-healing.js";
import { ForeseenMirrorEffects } from "./foreseen-mirror-effects.js";

/** What a run would do to Postgres: nothing is done, and what depends on it is answered as if it had been. */
export class ForeseenEffects implements RunEffects {
  readonly #context: RunContext;
  readonly #deployment: ForeseenDeployment;
  readonly #mirrors = new Map<string, ForeseenMirrorEffects>();

  constructor(context: RunContext, deployment: ForeseenDeployment) {
    this.#context = context;
    this.#deployment = deployment;
  }

  of(name: string): ForeseenMirrorEffects {
    let mirror = this.#mirrors.get(name);
    if (mirror === undefined) {
      mirror = new ForeseenMirrorEffects(heldMirror(this.#context, name), this.#deployment);
      this.#mirrors.set(name, mirror);
    }
    return mirror;
  }

  readonly registerMirrors: RunEffects["registerMirrors"] = () => Promise.resolve();

  readonly heal: RunEffects["heal"] = (config, source) => foreseeHealing(this.#context, config, source);

  readonly openRuns: RunEffects["openRuns"] = (runs) =>
    Promise.resolve(new Set(runs.map(({ name }) => name)));

  /** The witness is that of the run's beginning: nothing was acted upon that might be gone by now. */
  readonly announceEnds: RunEffects["announceEnds"] = () =>
    Promise.resolve({ witness: this.#context.timeline, refused: new Map<string, SyncError>() });

  readonly commitWatermarks: RunEffects["commitWatermarks"] = (ends) => {
    for (const { name } of ends) this.of(name).end();
    return Promise.resolve(new Map<string, SyncError>());
  };
}
