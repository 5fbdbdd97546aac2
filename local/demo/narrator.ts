import { renderColumns, type Column } from "../../src/cli/render/columns.js";
import { showCount, showDuration } from "../../src/cli/render/human.js";
import type { Paint } from "../../src/cli/render/paint.js";
import type { Clock } from "../../src/model/clock.js";

/** Tells the story: numbered steps, what was done, what came out, how long it took. Plain text without a terminal. */
export class Narrator {
  readonly #beganAt: number;
  #step = 0;

  constructor(
    private readonly write: (text: string) => void,
    private readonly paint: Paint,
    private readonly clock: Clock,
  ) {
    this.#beganAt = clock.now();
  }

  get elapsedMs(): number {
    return this.clock.now() - this.#beganAt;
  }

  /** Runs one step of the story under its heading. Returns what it returned, and how long it took. */
  async step<T>(heading: string, why: string, work: () => Promise<T>): Promise<{ result: T; ms: number }> {
    this.write(`\n${this.paint.bold(`${++this.#step}. ${heading}`)}\n${this.paint.dim(why)}\n`);
    const beganAt = this.clock.now();
    const result = await work();
    const ms = this.clock.now() - beganAt;
    this.line(this.paint.dim(`(${showDuration(ms)})`));
    return { result, ms };
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  command(commandLine: string): void {
    this.line(`\n${this.paint.cyan(`$ ${commandLine}`)}`);
  }

  good(text: string): void {
    this.line(`${this.paint.green("ok")}  ${text}`);
  }

  bad(text: string): void {
    this.line(`${this.paint.red("NOT AS EXPECTED")}  ${text}`);
  }

  bold(text: string): void {
    this.line(this.paint.bold(text));
  }

  /** A table: the first column is text, the others are counts or text, to the right. */
  table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    const columns = heads.map((head, index): Column => {
      return { head: head && this.paint.dim(head), align: index === 0 ? "left" : "right" };
    });
    const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" ? showCount(cell) : cell)));
    this.line(renderColumns(columns, cells, this.paint));
  }
}
