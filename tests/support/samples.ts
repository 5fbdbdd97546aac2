/** A column's type as SQL writes it, and texts that its input function takes: every extreme that is known of it. */
export interface Samples {
  type: string;
  texts: string[];
  /** What it is, where the name does not say so. */
  note?: string;
  /** Not before this major version. */
  since?: number;
  /** The extension that brings the type: a server may come without it. */
  extension?: Extension;
  /** A domain that does not take NULL. */
  notNull?: true;
}

export const EXTENSIONS = ["citext", "hstore", "ltree", "cube", "seg", "isn", "lo", "intarray"] as const;
export type Extension = (typeof EXTENSIONS)[number];
