import { DistantPort } from "../tests/support/distant-port.js";
import type { Cli, Measured } from "./cli.js";

/** What a run costs over a network: how often it waits for an answer of either side, and how long it takes. */
export interface Journey {
  postgresTurns: number;
  convexTurns: number;
  durationMs: number;
}

/** Both sides of a deployment, so many milliseconds away. */
export class Distance {
  private constructor(
    private readonly postgres: DistantPort,
    private readonly convex: DistantPort,
    private readonly environment: Record<string, string>,
  ) {}

  static async open(environment: Record<string, string>, roundTripMs: number): Promise<Distance> {
    const postgres = await DistantPort.open(environment["DATABASE_URL"]!, roundTripMs);
    const convex = await DistantPort.open(environment["CONVEX_URL"]!, roundTripMs);
    return new Distance(postgres, convex, environment);
  }

  /** One command of the built program, over that distance. Its lease is the near deployment's, whose URL it keeps. */
  async travel(cli: Cli, ...args: string[]): Promise<Journey & { measured: Measured }> {
    const before = [this.postgres.turns, this.convex.turns] as const;
    const measured = await cli.run(this.farEnvironment, ...args);
    return {
      measured,
      postgresTurns: this.postgres.turns - before[0],
      convexTurns: this.convex.turns - before[1],
      durationMs: measured.durationMs,
    };
  }

  get farEnvironment(): Record<string, string> {
    return { ...this.environment, DATABASE_URL: this.postgres.url, CONVEX_URL: this.convex.url };
  }

  async close(): Promise<void> {
    await Promise.all([this.postgres.close(), this.convex.close()]);
  }
}
