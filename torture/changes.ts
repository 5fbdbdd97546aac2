import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import type { Random } from "../local/data/random.js";
import type { CallMoment } from "./call-faults.js";
import { noteShape } from "./audit.js";
import type { CHANGES_OF_SHAPE } from "./changes-of-shape.js";
import { CHANGES_OF_TABLES } from "./changes-of-tables.js";
import type { Making } from "./random-values.js";
import type { Setup } from "./setup.js";
import type { Target } from "./target.js";
import { isExpectedFailure, isOurs } from "./writer.js";

export type ChangeKind =
  | "a partition comes or goes"
  | "tables are swapped"
  | "a table is created again"
  | "a last trigger is added"
  | "a last trigger is dropped"
  | "a label is renamed"
  | "the other is forgotten"
  | keyof typeof CHANGES_OF_SHAPE;

/** What an owner does to a table itself, once. */
export interface Change {
  kind: ChangeKind;
  /** Of the tables, modulo their number. */
  table: number;
  /** Before the run, or while a call of its is under way. */
  moment: "before" | CallMoment;
}

/** A call waits for so long, so that the owner is done with it by then, unless a writer is in the way. */
const CALL_DELAY_MS = 250;
const LONGEST_MS = 20_000;

export function randomChange(random: Random, kind: ChangeKind, { during = random.chance(0.5) } = {}): Change {
  const point = random.pick(["beforeCall", "beforeCommit", "beforeAnswer"] as const);
  const fault = { kind: "delay", delayMs: CALL_DELAY_MS } as const;
  const at = random.chance(0.5) ? ({ of: "beginRuns", call: 1 } as const) : null;
  const moment = { of: "any", call: random.integer(1, 14), point, fault, ...at } as const;
  return { kind, table: random.integer(0, 5), moment: during ? moment : "before" };
}

/** The call at which it is made; `beginRuns` is that of all tables, whose rows are read next. */
export function momentOf({ moment }: Change): CallMoment | null {
  return moment === "before" ? null : moment;
}

/** In one transaction, tried again while a writer is in the way; one change after the other. */
export function makeChange(setup: Setup, change: Change, making: Making): Promise<void> {
  const made = setup.changing.then(() => make(setup, change, making));
  setup.changing = made.catch(() => {});
  return made;
}

async function make(setup: Setup, change: Change, making: Making): Promise<void> {
  const { statements, reshapes } = CHANGES_OF_TABLES[change.kind];
  const table = setup.tables[change.table % setup.tables.length]!;
  if (reshapes) for (const { watch } of setup.targets) watch.mayRehash = true;
  const endAt = performance.now() + LONGEST_MS;
  for (;;) {
    const sql = postgres(setup.url, { max: 1, onnotice: () => {}, connection: { lock_timeout: 1_000 } });
    setup.alterations++;
    try {
      const lines = await statements({ setup, sql, table, making });
      if (lines.length > 0) await sql.unsafe(["BEGIN", ...lines, "COMMIT"].join(";\n"));
      return;
    } catch (error) {
      if (!isExpectedFailure(error) || isOurs(error, setup) || performance.now() > endAt)
        throw new Error(`${change.kind}: ${(error as Error).message}`, { cause: error });
      await sleep(20);
    } finally {
      await sql.end({ timeout: 1 });
      setup.alterations++;
    }
  }
}

/** The tables of a deployment get another configuration. */
export async function noteShapes(setup: Pick<Setup, "connect">, { watch, tables }: Target): Promise<void> {
  watch.mayRehash = true;
  const sql: Sql = setup.connect();
  await sql.unsafe(tables.map(noteShape).join("; "));
  await sql.end();
}
