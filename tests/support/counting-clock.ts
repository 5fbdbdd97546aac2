import { systemClock, type Clock } from "../../src/model/clock.js";

/** Waits that are `hurry` times as short, with an account of them. */
export class CountingClock implements Clock {
  /** Milliseconds, as they were asked for; those of deadlines too, which mostly do not pass. */
  readonly waits: number[] = [];
  /** Those that have passed. */
  readonly passed: number[] = [];

  constructor(
    public hurry: number,
    /** Called when a wait has passed, with the number of those that have. */
    private readonly onPassed: (count: number) => void | Promise<void> = () => {},
  ) {}

  now = () => systemClock.now();
  random = () => systemClock.random();
  uuid = () => systemClock.uuid();

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms);
    await systemClock.sleep(ms / this.hurry, signal);
    await this.onPassed(this.passed.push(ms));
  }
}
