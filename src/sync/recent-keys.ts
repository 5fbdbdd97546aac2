/** Characters of keys that are remembered: some 8 MiB, or 100,000 keys of a uuid's length. */
const MAX_CHARACTERS = 4_000_000;

/**
 * The keys that a pass has dealt with lately. A key that is logged again and again is read once; of more keys than are
 * remembered, the oldest are forgotten, and read again should they come again.
 */
export class RecentKeys {
  /** In the order in which they came, which is that of a Set. */
  readonly #keys = new Set<string>();
  #characters = 0;

  constructor(private readonly maxCharacters = MAX_CHARACTERS) {}

  /** Those that have not come lately, in their order. From now on they have. */
  keepNew(keys: readonly string[]): string[] {
    const fresh = keys.filter((key) => !this.#keys.has(key));
    for (const key of fresh) {
      this.#keys.add(key);
      this.#characters += key.length;
    }
    for (const oldest of this.#keys) {
      if (this.#characters <= this.maxCharacters) break;
      this.#keys.delete(oldest);
      this.#characters -= oldest.length;
    }
    return fresh;
  }
}
