/** What must be undone at the end, however the end comes: the last thing begun is the first to end. */
export class Cleanup {
  readonly #tasks: (() => Promise<void> | void)[] = [];
  #running: Promise<void> | null = null;

  /** Whether the end has come: what fails from now on fails because of it. */
  get started(): boolean {
    return this.#running !== null;
  }

  add(task: () => Promise<void> | void): void {
    this.#tasks.push(task);
  }

  /** May be called more than once. One task's failure keeps none of the others from running. */
  undoAll(): Promise<void> {
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      try {
        await task();
      } catch {
        // Whatever ended by itself needs no ending.
      }
    }
  }
}
