import { setTimeout as sleep } from "node:timers/promises";
import type { Blow, Chaos, Strike } from "./chaos.js";
import type { Command } from "./command.js";
import type { Played } from "./play-act.js";
import { runOnce, type Stage } from "./stage.js";

/** Strikes a run once, at the strike's moment. */
export class Blowing {
  hit = false;
  readonly struck: Promise<void>;
  #working: Promise<void> = Promise.resolve();
  readonly #timer = new AbortController();

  constructor(
    private readonly stage: Stage,
    chaos: Chaos,
    private readonly run: Command,
    readonly strike: Strike,
    private readonly played: Played,
  ) {
    this.struck = new Promise((resolve) => {
      const hit = () => {
        if (!run.running) return;
        this.hit = true;
        this.#working = this.#deal();
        resolve();
      };
      if ("afterMs" in strike.moment) {
        void sleep(strike.moment.afterMs, undefined, { signal: this.#timer.signal }).then(hit, () => {});
      } else chaos.arm(strike.moment, hit);
    });
  }

  get blow(): Blow {
    return this.strike.blow;
  }

  async end(): Promise<void> {
    this.#timer.abort();
    await this.#working;
  }

  async #deal(): Promise<void> {
    const { blow, moment } = this.strike;
    const when =
      "call" in moment
        ? `${moment.of === "any" ? "call" : moment.of} ${moment.call} ${moment.point}`
        : `${moment.afterMs} ms`;
    this.played.told.push(`${blow} run ${this.run.number} at ${when}`);
    switch (blow) {
      case "kill":
        return this.run.signal("SIGKILL");
      case "stop":
        return this.run.signal("SIGSTOP");
      case "terminate":
        return runOnce(
          this.stage.url,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'datahub-sync' AND datname = current_database()`,
        ).catch(() => {});
      case "restart":
        this.played.restarts++;
        return this.stage.server.restart("immediate");
    }
  }
}
