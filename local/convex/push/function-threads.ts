import type { Call } from "../call.js";
import type { FunctionThread } from "./function-thread.js";
import type { LoadedModule } from "./worker-protocol.js";

/** Threads that wait for the next call. A run of ours has four calls under way at a time. */
const MAX_IDLE = 4;

/** The threads of one push: each call has one of its own, for as long as it runs. */
export class FunctionThreads {
  readonly #start: () => Promise<FunctionThread>;
  readonly #idle: FunctionThread[] = [];
  #retired = false;

  constructor(start: () => Promise<FunctionThread>) {
    this.#start = start;
  }

  /** Runs the modules' top level, for the first time. */
  async load(): Promise<ReadonlyMap<string, LoadedModule>> {
    const thread = await this.#start();
    const modules = await thread.modules;
    this.#release(thread);
    return modules;
  }

  async invoke(call: Call, path: string, name: string, args: string): Promise<string> {
    const thread = this.#takeIdle() ?? (await this.#start());
    try {
      return await thread.invoke(call, path, name, args);
    } finally {
      this.#release(thread);
    }
  }

  /** Another push has taken its place: calls under way go on to their end. */
  retire(): void {
    this.#retired = true;
    for (const thread of this.#idle.splice(0)) void thread.end();
  }

  /** One that has ended while it waited is left out. */
  #takeIdle(): FunctionThread | undefined {
    for (let thread = this.#idle.pop(); thread !== undefined; thread = this.#idle.pop())
      if (thread.isUsable) return thread;
    return undefined;
  }

  #release(thread: FunctionThread): void {
    if (!thread.isUsable) return;
    if (this.#retired || this.#idle.length >= MAX_IDLE) void thread.end();
    else this.#idle.push(thread);
  }
}
