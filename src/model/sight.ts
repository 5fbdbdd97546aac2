/**
 * What a run saw of the catalog. It is part of what its watermark remembers, and is looked at again before the watermark
 * moves: whatever differs may have changed content while no row was logged (invariant 14).
 */
export interface Sight {
  /** Of the table's tracking: another table under the same name has another id. `UNTRACKED`: it has none. */
  trackedId: number;
  generation: number;
  /** Of everything that shapes a document besides the row. */
  fingerprint: string;
  /** Which writings of table, columns, types and views are in force; see `datahub_sync.describe_files`. */
  files: string;
  partitions: string;
  /** Why content may change without an entry in the log; null: it cannot. */
  unnoticed: string | null;
  /** The mirrored columns, by name: what was mirrored once does not vanish because a deployment lacks its field. */
  columns?: string[];
  /** It was another one when the run ended: what the run read is not all of one kind. */
  unsteady?: boolean;
}

/** Why what was seen then does not hold for what is seen now, in words; null where it does. */
export function whyCompare(then: Sight, now: Sight): string | null {
  if (then.unsteady === true)
    return "the table, or what its documents depend on, was changed while the last run went on";
  if (then.trackedId !== now.trackedId)
    return "the table is not the one that was mirrored: it was dropped and created again, or swapped";
  if (then.generation !== now.generation) return "the table was tracked anew since the last run";
  if (then.fingerprint !== now.fingerprint) return "the shape of its documents has changed";
  if (now.unnoticed !== null) return now.unnoticed;
  if (then.unnoticed !== null)
    return "until now each run compared everything, and what has changed since the last one may not be logged";
  if (then.partitions !== now.partitions)
    return "partitions came or went since the last run, which fires no trigger";
  if (then.files !== now.files)
    return "the table was rewritten or altered, or a type or view that its documents depend on replaced, since the last run, which fires no trigger";
  return null;
}

/** Whether a run may go on where one that saw `then` stopped: what changes unlogged, nobody can catch up with. */
export function isSameSight(then: Sight, now: Sight): boolean {
  return now.unnoticed === null && whyCompare(then, now) === null;
}

/** Whether the catalog was the same at both looks of a run, the reasons to compare included. */
export function isSteady(begin: Sight, end: Sight): boolean {
  const keys = ["trackedId", "generation", "fingerprint", "files", "partitions", "unnoticed"] as const;
  return keys.every((key) => begin[key] === end[key]);
}
