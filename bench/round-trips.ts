import { DistantPort } from "../tests/support/distant-port.js";
import type { Cli } from "./cli.js";
import { count, ratio, seconds, type Finding } from "./findings.js";

/** What a command costs over a network: how often it waits for an answer of either side, and how long it takes. */
export interface Journey {
  what: string;
  postgresTurns: number;
  convexTurns: number;
  durationMs: number;
}

/** What a journey may take at most. */
export type Target = Omit<Journey, "what">;

/** As from one region of a cloud to another. */
export const ROUND_TRIP_MS = 40;

/** Both sides of a deployment, each behind a port that is as far away as it is told. */
export class Distance {
  private constructor(
    private readonly postgres: DistantPort,
    private readonly convex: DistantPort,
    private readonly near: Record<string, string>,
  ) {}

  /** Nearby at first: what a measurement needs beforehand need not take long. */
  static async open(environment: Record<string, string>): Promise<Distance> {
    const postgres = await DistantPort.open(environment["DATABASE_URL"]!);
    const convex = await DistantPort.open(environment["CONVEX_URL"]!);
    return new Distance(postgres, convex, environment);
  }

  /** To be used for every command: the deployment is known by its URL. */
  get environment(): Record<string, string> {
    return { ...this.near, DATABASE_URL: this.postgres.url, CONVEX_URL: this.convex.url };
  }

  /** One command of the built program, over that distance. */
  async travel(what: string, cli: Cli, ...args: string[]): Promise<Journey> {
    const turns = () => ({ postgres: this.postgres.turns, convex: this.convex.turns });
    const before = turns();
    for (const port of [this.postgres, this.convex]) port.roundTripMs = ROUND_TRIP_MS;
    try {
      const { durationMs } = await cli.run(this.environment, ...args);
      const after = turns();
      return {
        what,
        durationMs,
        postgresTurns: after.postgres - before.postgres,
        convexTurns: after.convex - before.convex,
      };
    } finally {
      for (const port of [this.postgres, this.convex]) port.roundTripMs = 0;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.postgres.close(), this.convex.close()]);
  }
}

/** Each figure of a journey against its target. */
export function describeJourney(journey: Journey, target: Target): Finding[] {
  const describe = (figure: keyof Target, what: string, show: (value: number) => string): Finding => ({
    what: `${journey.what}: ${what}, against the target`,
    measured: show(journey[figure]),
    against: show(target[figure]),
    ratio: ratio(journey[figure], target[figure]),
  });
  const findings = [
    describe("postgresTurns", "turns to Postgres, connecting included", (n) => count(n)),
    describe("convexTurns", "turns to Convex", (n) => count(n)),
    describe("durationMs", "time", seconds),
  ];
  return findings.filter(({ against }) => against !== count(Infinity));
}
