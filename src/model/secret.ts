import { inspect } from "node:util";

const SHOWN = "[secret]";

/**
 * A value that must not be shown: the sync key, the database URL. Printing, inspecting, interpolating or
 * serialising it gives "[secret]"; only `reveal()` gives the value, so that every use can be found by name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the one place that sends it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
