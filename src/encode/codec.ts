import type { Value } from "convex/values";
import type { Refusal } from "../model/encoding.js";

/**
 * How the values of one Postgres type become Convex values and come back. Both directions are total on what
 * Postgres prints: `decode(encode(text))` is `text`, or for json an equal jsonb, or else `encode` has thrown.
 */
export interface Codec<V extends Value = Value> {
  /** The validators, in Convex's source notation, that take every value of this codec but null. */
  readonly validators: readonly string[];
  /** Whether a value may be an array itself, so that an array of such values does not show its own dimensions. */
  readonly mayBeArray?: true;
  /**
   * @param text what Postgres prints with the settings pinned; SQL NULL never gets here
   * @param meter is charged with the size of the value
   * @throws Unencodable
   */
  encode(text: string, meter: Meter): V;
  /**
   * The value as JSON in Convex's encoding, where that can be had without making the value; null where not, and then
   * nothing has been charged.
   */
  encodeAsText?(text: string, meter: Meter): string | null;
  decode(value: V): string;
}

/** What a document has used so far of Convex's limits. */
export interface Meter {
  /** As `getConvexSize` counts. */
  bytes: number;
  /** Objects and arrays that the current place stands in, the document being the first. */
  depth: number;
}

/** A value that no Convex value gives back. Its message never carries the value. */
export class Unencodable extends Error {
  override readonly name = "Unencodable";

  constructor(
    readonly code: Refusal["code"],
    message: string,
  ) {
    super(message);
  }
}
