import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

/**
 * Tells on file descriptor 3, when the process ends, what it has used. Its peak is asked of /proc where there is one:
 * on Linux, `maxRSS` begins with what the process had that started it.
 */
const TELL_USAGE = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync, writeSync } from "node:fs";
  process.on("exit", () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    let peak = maxRSS;
    try { peak = Number(/^VmHWM:\\s*(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]); } catch {}
    writeSync(3, JSON.stringify({ peakBytes: peak * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }));
  });
`)}`;

/** A process that has ended: what it printed, and what it took. */
export interface Measured {
  stdout: string;
  peakBytes: number;
  /** Of all its threads, in the program and in the system on its behalf. */
  cpuMs: number;
  durationMs: number;
}

export interface RunNodeOptions {
  folder: string;
  environment: Record<string, string>;
  /** Exit codes that are no failure; 0 alone if absent. */
  allowed?: readonly number[];
}

/** Runs Node with these arguments, as cron would: a process of its own, with this environment and no other. */
export async function runNode(
  args: readonly string[],
  { folder, environment, allowed = [0] }: RunNodeOptions,
): Promise<Measured> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--import", TELL_USAGE, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, ...environment },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const texts = child.stdio.slice(1).map((stream) => collect(stream as Readable));
  const [code] = (await once(child, "close")) as [number | null];
  const [stdout, stderr, usage] = (await Promise.all(texts)) as [string, string, string];
  if (code === null || !allowed.includes(code)) {
    throw new Error(`node ${args.join(" ")} ended with ${code}:\n${stderr}`);
  }
  const used = JSON.parse(usage) as Pick<Measured, "peakBytes" | "cpuMs">;
  return { stdout, ...used, durationMs: performance.now() - startedAt };
}

async function collect(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
  return text;
}
