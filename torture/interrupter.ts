import { setTimeout as sleep } from "node:timers/promises";
import type { CallFaults, Interruption, InterruptionKind } from "./call-faults.js";
import type { Command } from "./command.js";
import type { StepReport } from "./run-step.js";
import { runOnce, type Setup } from "./setup.js";

/** Interrupts a run once, at the given moment. */
export class Interrupter {
  done = false;
  readonly reached: Promise<void>;
  #working: Promise<void> = Promise.resolve();
  readonly #timer = new AbortController();

  constructor(
    private readonly setup: Setup,
    callFaults: CallFaults,
    private readonly run: Command,
    readonly interruption: Interruption,
    private readonly report: StepReport,
  ) {
    this.reached = new Promise((resolve) => {
      const interrupt = () => {
        if (!run.running) return;
        this.done = true;
        this.#working = this.#interrupt();
        resolve();
      };
      if ("afterMs" in interruption.moment) {
        void sleep(interruption.moment.afterMs, undefined, { signal: this.#timer.signal }).then(
          interrupt,
          () => {},
        );
      } else callFaults.callAt(interruption.moment, interrupt);
    });
  }

  get kind(): InterruptionKind {
    return this.interruption.kind;
  }

  async end(): Promise<void> {
    this.#timer.abort();
    await this.#working;
  }

  async #interrupt(): Promise<void> {
    const { kind, moment } = this.interruption;
    const when =
      "call" in moment
        ? `${moment.of === "any" ? "call" : moment.of} ${moment.call} ${moment.point}`
        : `${moment.afterMs} ms`;
    this.report.events.push(`${kind} run ${this.run.number} at ${when}`);
    switch (kind) {
      case "kill":
        return this.run.signal("SIGKILL");
      case "stop":
        return this.run.signal("SIGSTOP");
      case "terminate":
        return runOnce(
          this.setup.url,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'datahub-sync' AND datname = current_database()`,
        ).catch(() => {});
      case "restart":
        this.report.restarts++;
        return this.setup.server.restart("immediate");
    }
  }
}
