import { afterAll, beforeAll, expect } from "vitest";
import type { RunReport, TableReport } from "../../src/model/report.js";
import { CliProcess } from "./cli-process.js";
import type { Stack, StackKind } from "./stack.js";

/** A stack and a command line that is set up for it; ready when the tests of the `describe` around it begin. */
export interface Scene {
  readonly stack: Stack;
  readonly cli: CliProcess;
}

export interface SceneOptions {
  scale: number;
  /** Done before the first test. */
  prepare?: (scene: Scene) => Promise<void>;
}

/** Starts a stack for all tests of the surrounding `describe`, and removes it after them. */
export function setUpScene(kind: StackKind, { scale, prepare }: SceneOptions): Scene {
  let stack: Stack;
  let cli: CliProcess;
  const scene: Scene = {
    get stack() {
      return stack;
    },
    get cli() {
      return cli;
    },
  };
  beforeAll(async () => {
    stack = await kind.start(scale);
    cli = await CliProcess.create(stack.environment);
    await prepare?.(scene);
  }, 300_000); // a container's image may have to be fetched
  afterAll(async () => {
    await cli.remove();
    await stack.stop();
  });
  return scene;
}

/** `migrate`, then a first `sync`. */
export async function fillMirror({ cli }: Pick<Scene, "cli">, tables: readonly string[] = []): Promise<void> {
  const flags = tables.flatMap((table) => ["--table", table]);
  expect(await cli.run(["migrate", ...flags])).toMatchObject({ code: 0 });
  expect(await cli.sync(flags)).toMatchObject({ code: 0, report: { ok: true } });
}

export function tableOf(report: RunReport, table: string): TableReport {
  return report.tables.find((each) => each.table === table)!;
}

/** The counts of a run that found nothing to do. */
export const NOTHING = { read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, rejected: 0 };
