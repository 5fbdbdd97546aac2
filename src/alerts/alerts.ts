import type { AlertConfig } from "../model/alert-config.js";
import type { Clock } from "../model/clock.js";
import { EXIT, type ExitCode } from "../model/errors.js";
import type { RunReport } from "../model/report.js";
import type { Secret } from "../model/secret.js";
import type { LastOutcome } from "./last-outcome.js";
import { send, type Delivery } from "./send.js";

/** How a run ended: with a report, or with what kept it from one. */
export interface RunOutcome {
  deployment: string;
  exitCode: ExitCode;
  /** What happened and what to do, for a person; without values. */
  text: string;
  report: RunReport | null;
  error: { code: string; message: string; remedy: string; table: string | null } | null;
}

/** What a webhook is told. */
export type AlertEvent = "failed" | "needs-attention" | "recovered" | "succeeded" | "test";

export interface AlertsOptions {
  config: AlertConfig;
  clock: Clock;
  /** Told of what did not arrive: which receiver, and why; never its address. */
  undelivered: (receiver: string, reason: string) => void;
  /** How long a receiver may take to answer. */
  timeoutMs?: number;
}

/** Tells monitors and people of runs. Nothing here throws, and nothing holds a run up for long. */
export class Alerts {
  readonly #options: AlertsOptions;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** Does not wait for an answer. */
  started(): void {
    this.#starting = this.#ping("start", null);
  }

  /** @param last how the run before this one ended, where that is known */
  async ended(outcome: RunOutcome, last: LastOutcome | null): Promise<void> {
    await this.#starting;
    // Another run holds the lease, and tells how it ends.
    if (outcome.exitCode === EXIT.leaseHeld) return;
    const event = eventOf(outcome, last);
    await Promise.all([
      this.#ping(outcome.exitCode === EXIT.done ? "success" : "failure", outcome.text),
      this.#isNews(outcome, event, last) ? this.#post(event, outcome) : null,
    ]);
  }

  /** Tries each receiver that a run would tell of its start and its success. */
  async test(outcome: RunOutcome, { failure }: { failure: boolean }): Promise<Map<string, Delivery>> {
    const { pings, webhook } = this.#options.config;
    const end = failure ? "failure" : "success";
    const messages: [string, Secret | null, object | string | null][] = [
      ["start ping", pings.start, null],
      [`${end} ping`, pings[end], outcome.text],
      ["webhook", webhook, payload("test", outcome)],
    ];
    const deliveries = new Map<string, Delivery>();
    for (const [receiver, url, body] of messages)
      if (url !== null) deliveries.set(receiver, await this.#send(url, body));
    return deliveries;
  }

  #isNews(outcome: RunOutcome, event: AlertEvent, last: LastOutcome | null): boolean {
    if (this.#options.config.webhookWhen === "always") return true;
    if (event === "succeeded" || event === "recovered") return event === "recovered";
    return (
      last === null || last.exitCode !== outcome.exitCode || last.codes.join() !== codesOf(outcome).join()
    );
  }

  async #ping(kind: "start" | "success" | "failure", text: string | null): Promise<void> {
    await this.#tell(`${kind} ping`, this.#options.config.pings[kind], text);
  }

  async #post(event: AlertEvent, outcome: RunOutcome): Promise<void> {
    await this.#tell("webhook", this.#options.config.webhook, payload(event, outcome));
  }

  async #tell(receiver: string, url: Secret | null, body: object | string | null): Promise<void> {
    if (url === null) return;
    const delivery = await this.#send(url, body);
    if (!delivery.ok) this.#options.undelivered(receiver, delivery.reason);
  }

  #send(url: Secret, body: object | string | null): Promise<Delivery> {
    const { clock, timeoutMs } = this.#options;
    return send({ url, body }, clock, timeoutMs);
  }
}

function eventOf({ exitCode }: RunOutcome, last: LastOutcome | null): AlertEvent {
  switch (exitCode) {
    case EXIT.done:
      return last === null || last.exitCode === EXIT.done ? "succeeded" : "recovered";
    case EXIT.incomplete:
    case EXIT.deletionsHeldBack:
      return "needs-attention";
    default:
      return "failed";
  }
}

/** What tells one trouble from another, sorted. */
export function codesOf({ error, report }: RunOutcome): string[] {
  const tables = (report?.tables ?? []).flatMap(({ error: of, table }) =>
    of === undefined ? [] : [`${of.code} ${table}`],
  );
  return [...(error === null ? [] : [error.code]), ...tables].sort();
}

/** `text` is what Slack, Mattermost and Teams show, `content` what Discord does. */
function payload(event: AlertEvent, { deployment, exitCode, text, report, error }: RunOutcome): object {
  const line = `datahub-sync, ${deployment}: ${event.replace("-", " ")}. ${text}`;
  return { event, deployment, exitCode, text: line, content: line.slice(0, 1_900), error, report };
}
