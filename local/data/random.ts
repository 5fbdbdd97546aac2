import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Draws from one seeded sequence: the same seed and the same questions give the same answers. */
export interface Random {
  /** A whole number of the range, both ends included. */
  integer(from: number, to: number): number;
  /** True with that probability, 0 to 1. */
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
  uuid(): string;
}

/** A sequence for one row. Every (seed, table, index) has its own, so rows can be made in any order. */
export function randomForRow(seed: number, tableNumber: number, index: number): Random {
  // Injective for tables below 64 and indexes below 2^26, and so is `mix`: no two rows share a sequence.
  return createRandom(mix(mix(seed | 0) ^ ((tableNumber << 26) | index)));
}

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const integer = (from: number, to: number) => uniformInt(generator, from, to);
  const hex = () => integer(0, 0xffff).toString(16).padStart(4, "0");
  return {
    integer,
    chance: (probability) => generator.next() >>> 0 < probability * 2 ** 32,
    pick: (values) => values[integer(0, values.length - 1)]!,
    // Version 4 and variant 1 of RFC 9562, as gen_random_uuid() gives them.
    uuid: () =>
      `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-${"89ab"[integer(0, 3)]}${hex().slice(1)}-${hex()}${hex()}${hex()}`,
  };
}

/** The finalizer of MurmurHash3: a bijection of 32 bits that leaves neighbours nothing in common. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
