/** Batches of full size that have to pass, one after the other, before larger ones are tried. */
const GROW_AFTER = 8;
/** Each time that larger ones fail, twice as many have to pass before the next try; at most so many. */
const GROW_AFTER_AT_MOST = 256;
const GROWTH = 1.25;

/**
 * How large batches of a table may be: as large as asked for, and no larger than what has passed once one was too much
 * for Convex (its time, its memory, a limit of its transaction). It grows back by a quarter, and more and more slowly,
 * for each failure costs as much as a batch.
 */
export class BatchSize {
  #rows: number;
  #bytes: number;
  #passed = 0;
  #growAfter = GROW_AFTER;
  /** Since it was last made smaller. */
  #hasGrown = false;

  /** @param capBytes what no batch may pass for the moment, whatever has passed */
  constructor(
    private readonly most: { rows: number; bytes: number },
    private readonly capBytes: () => number = () => Infinity,
  ) {
    this.#rows = most.rows;
    this.#bytes = most.bytes;
  }

  get rows(): number {
    return Math.floor(this.#rows);
  }

  get bytes(): number {
    return Math.floor(Math.min(this.#bytes, this.capBytes()));
  }

  /** A batch was too much: one of this size is to be tried. */
  shrinkTo(rows: number, bytes: number): void {
    if (rows >= this.#rows && bytes >= this.#bytes) return;
    this.#rows = Math.max(1, Math.min(this.#rows, rows));
    this.#bytes = Math.max(1, Math.min(this.#bytes, bytes));
    this.#passed = 0;
    if (this.#hasGrown) this.#growAfter = Math.min(2 * this.#growAfter, GROW_AFTER_AT_MOST);
    this.#hasGrown = false;
  }

  /** A batch passed as it was. Only one of nearly full size says something. */
  passed(rows: number, bytes: number): void {
    if (this.#isFull || (rows < this.#rows / GROWTH && bytes < this.#bytes / GROWTH)) return;
    this.#passed += 1;
    if (this.#passed < this.#growAfter) return;
    this.#passed = 0;
    this.#hasGrown = true;
    this.#rows = Math.min(this.most.rows, Math.max(this.#rows + 1, this.#rows * GROWTH));
    this.#bytes = Math.min(this.most.bytes, this.#bytes * GROWTH);
  }

  get #isFull(): boolean {
    return this.#rows === this.most.rows && this.#bytes === this.most.bytes;
  }
}
