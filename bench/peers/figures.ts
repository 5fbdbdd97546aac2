import type { LocalDeployment } from "../../local/convex/deployment.js";
import { DistantPort } from "../../tests/support/distant-port.js";
import { count, seconds, size } from "../findings.js";
import type { Measured } from "../measured-process.js";
import type { ResultTable } from "../results.js";

/** What a run cost, on all sides. */
export interface Figures {
  calls: number;
  /** By Convex's meter. */
  convexRead: number;
  convexWritten: number;
  /** Bytes on the way to Convex, and on the way from Postgres, what the protocols add included. */
  sent: number;
  fromPostgres: number;
  postgresTurns: number;
  /** Of the process alone. */
  cpuMs: number;
  peakBytes: number;
  durationMs: number;
}

/** One who mirrors: its way to Postgres, and its own deployment, both watched. */
export class Contestant {
  private constructor(
    readonly name: string,
    readonly deployment: LocalDeployment,
    private readonly postgres: DistantPort,
    private readonly convex: DistantPort,
    private readonly start: (environment: Record<string, string>, flags: string[]) => Promise<Measured>,
  ) {}

  /** @param start runs the program once, with these URLs */
  static async open(
    name: string,
    { databaseUrl, convexUrl }: { databaseUrl: string; convexUrl: string },
    deployment: LocalDeployment,
    start: (environment: Record<string, string>, flags: string[]) => Promise<Measured>,
  ): Promise<Contestant> {
    const ports = [await DistantPort.open(databaseUrl), await DistantPort.open(convexUrl)] as const;
    return new Contestant(name, deployment, ...ports, start);
  }

  /** By these it reaches both sides. */
  get environment(): Record<string, string> {
    return { DATABASE_URL: this.postgres.url, CONVEX_URL: this.convex.url };
  }

  async run(...flags: string[]): Promise<Figures> {
    const ports = () => ({
      sent: this.convex.bytesSent,
      fromPostgres: this.postgres.bytesReceived,
      postgresTurns: this.postgres.turns,
    });
    const before = ports();
    this.deployment.resetUsage();
    const { cpuMs, peakBytes, durationMs } = await this.start(this.environment, flags);
    const after = ports();
    const usage = this.deployment.usage();
    if (usage.failedCalls > 0) throw new Error(`${this.name}: ${usage.failedCalls} calls failed.`);
    return {
      calls: usage.calls,
      convexRead: usage.bytesRead,
      convexWritten: usage.bytesWritten,
      sent: after.sent - before.sent,
      fromPostgres: after.fromPostgres - before.fromPostgres,
      postgresTurns: after.postgresTurns - before.postgresTurns,
      cpuMs,
      peakBytes,
      durationMs,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.postgres.close(), this.convex.close()]);
  }
}

/** One case: what it cost each of them; null where there is no such run. */
export function describeCase(id: string, title: string, of: Map<string, Figures | null>): ResultTable {
  return {
    id,
    head: [
      title,
      "calls",
      "read in Convex",
      "written",
      "sent",
      "from Postgres",
      "turns to it",
      "CPU",
      "memory",
      "time",
    ],
    rows: [...of].map(([name, figures]) => {
      if (figures === null) return [name, ...Array<string>(9).fill("–")];
      return [
        name,
        count(figures.calls),
        ...[figures.convexRead, figures.convexWritten, figures.sent, figures.fromPostgres].map(size),
        count(figures.postgresTurns),
        seconds(figures.cpuMs),
        size(figures.peakBytes),
        seconds(figures.durationMs),
      ];
    }),
    figures: Object.fromEntries(of),
  };
}
