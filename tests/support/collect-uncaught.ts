const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** What would have ended the process while `work` went on, in place of vitest's noticing it. */
export async function collectUncaught(work: () => Promise<unknown>): Promise<unknown[]> {
  const uncaught: unknown[] = [];
  const collect = (error: unknown) => void uncaught.push(error);
  const listeners = EVENTS.map((event) => process.listeners(event as "uncaughtException"));
  for (const event of EVENTS) process.removeAllListeners(event).on(event, collect);
  try {
    await work();
    // The driver throws from timers of its own.
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    for (const [at, event] of EVENTS.entries()) {
      process.off(event, collect);
      for (const listener of listeners[at]!) process.on(event, listener);
    }
  }
  return uncaught;
}
