import { setTimeout as sleep } from "node:timers/promises";
import { PgBoss } from "pg-boss";
import type { Random } from "../local/data/random.js";
import { checkEnd } from "./check-end.js";
import type { Command } from "./command.js";
import { runOnce, type Setup } from "./setup.js";
import { LEASE_SECONDS, SHORT_TIMEOUTS } from "./steps.js";

/** What works on the same deployment all the time, beside the runs of a script. */
export type Companions = "a watch" | "workers";

export interface CompanionsOptions {
  random: Random;
  withFaults: boolean;
  /** Aborted when they are to end. */
  stop: AbortSignal;
}

/** What companions may not have done, and what became of them. */
interface CompanionsEnd {
  failures: string[];
  events: string[];
}

/** They are killed, and stand still for longer than their lease, again and again; others take their places. */
export async function keepCompany(
  setup: Setup,
  kind: Companions,
  options: CompanionsOptions,
): Promise<CompanionsEnd> {
  return kind === "a watch" ? keepWatching(setup, options) : keepWorking(setup, options);
}

const WATCH = ["sync", "--watch", "--min-interval", "0s", "--idle-pause", "1s", "--round-every", "4s"];

async function keepWatching(setup: Setup, options: CompanionsOptions): Promise<CompanionsEnd> {
  const [target] = setup.targets;
  const start = () => target.start([...WATCH, ...SHORT_TIMEOUTS]);
  const troupe = new Troupe(options, start, 1);
  await troupe.untilStopped(() => Promise.resolve());
  return troupe.end();
}

const SCHEMA = "datahub_sync_queue";
const JOBS = "datahub-sync";

async function keepWorking(setup: Setup, options: CompanionsOptions): Promise<CompanionsEnd> {
  const { random, stop } = options;
  const [target] = setup.targets;
  const name = `${setup.database}_queue`;
  await runOnce(setup.server.url(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await runOnce(setup.server.url(), `CREATE DATABASE ${name}`);
  const queueUrl = setup.server.url(name);
  const queue = { url: queueUrl, leaseSeconds: LEASE_SECONDS };
  const boss = new PgBoss({ connectionString: queueUrl, schema: SCHEMA, supervise: false, schedule: false });
  // Postgres is restarted as by a crash.
  boss.on("error", () => {});
  await boss.start();
  const troupe = new Troupe(options, () => target.start(["worker"], 0, { asRunner: false, queue }), 3);
  await troupe.untilStopped(async () => {
    const mode = random.pick([[], [], ["--full"], ["--deep"]]);
    const each = random.chance(0.7) ? ["--each"] : [];
    await target.start(["enqueue", ...mode, ...each], 0, { asRunner: false, queue }).ended;
    if (stop.aborted) return;
    // A dead worker is missed after half a minute; the living, too, are taken for dead now and then.
    await runOnce(
      queueUrl,
      `UPDATE ${SCHEMA}.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`,
    ).catch(() => {});
    await boss.supervise(JOBS).catch(() => {});
  });
  const end = await troupe.end();
  await boss.stop({ graceful: false }).catch(() => {});
  await runOnce(setup.server.url(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return end;
}

/** Processes that are to be there all the time. */
class Troupe {
  readonly #members: Command[];
  readonly #ended: Command[] = [];
  readonly #events: string[] = [];

  constructor(
    private readonly options: CompanionsOptions,
    private readonly start: () => Command,
    count: number,
  ) {
    this.#members = Array.from({ length: count }, start);
  }

  /** @param meanwhile done again and again */
  async untilStopped(meanwhile: () => Promise<void>): Promise<void> {
    const { random, stop, withFaults } = this.options;
    while (!stop.aborted) {
      await Promise.all([
        meanwhile(),
        sleep(random.integer(300, 1_500), undefined, { signal: stop }).catch(() => {}),
      ]);
      if (withFaults && !stop.aborted) await this.#befall(random);
      this.#replaceEnded();
    }
  }

  async end(): Promise<CompanionsEnd> {
    for (const member of this.#members) member.signal("SIGTERM");
    const failures: string[] = [];
    for (const member of [...this.#ended, ...this.#members]) {
      const ended = await member.endedWithin(90_000);
      if (ended === null) {
        failures.push(
          `${member.args.slice(0, 2).join(" ")} (run ${member.number}) does not end when it is told to`,
        );
        member.signal("SIGKILL");
        continue;
      }
      failures.push(...checkEnd(ended));
    }
    return { failures, events: this.#events };
  }

  async #befall(random: Random): Promise<void> {
    const member = random.pick(this.#members);
    const what = random.pick(["nothing", "nothing", "kill", "stop"]);
    if (what === "nothing" || !member.running) return;
    this.#events.push(`${what} ${member.args[0]!} ${member.number}`);
    if (what === "kill") return member.signal("SIGKILL");
    member.signal("SIGSTOP");
    await sleep(LEASE_SECONDS * 1000 + 200);
    member.signal("SIGCONT");
  }

  #replaceEnded(): void {
    for (const [place, member] of this.#members.entries()) {
      if (member.running || this.options.stop.aborted) continue;
      this.#ended.push(member);
      this.#members[place] = this.start();
    }
  }
}
