import { MultiBar, type SingleBar } from "cli-progress";
import type { OutputStream } from "../cli-io.js";

/** What the bar shows: `total` is null when nobody knows it. */
export interface BarState {
  label: string;
  done: number;
  total: number | null;
}

/** Lines on standard error and, on a terminal, one progress bar that stays below them. */
export class Screen {
  readonly #stream: OutputStream;
  readonly #describe: (state: BarState) => string;
  #bars: MultiBar | null = null;
  #bar: SingleBar | null = null;

  /** @param describe the text of the bar */
  constructor(stream: OutputStream, describe: (state: BarState) => string) {
    this.#stream = stream;
    this.#describe = describe;
  }

  writeLine(line: string): void {
    if (this.#bars === null) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.#bars.log(`${line}\n`);
    this.#bars.update();
  }

  showBar(state: BarState): void {
    if (this.#bars === null) {
      this.#bars = new MultiBar({
        stream: this.#stream,
        format: (_options, _params, payload: { state: BarState }) => this.#describe(payload.state),
        clearOnComplete: true,
        // A log line overwrites the bar, which must then be drawn again though it is the same.
        forceRedraw: true,
        // Signals are the process guard's.
        gracefulExit: false,
      });
      this.#bar = this.#bars.create(1, 0, { state });
      this.#bars.update();
      return;
    }
    this.#bar?.update({ state });
  }

  /** Removes the bar, and its timer, which would keep the process alive. */
  hideBar(): void {
    this.#bars?.stop();
    this.#bars = null;
    this.#bar = null;
  }
}
