/** Sentences that several errors say. */
export const NOTHING_LOST = "Nothing is lost: the next run goes on where this one stopped.";
export const SCHEMA_ABSENT = "The schema datahub_sync is not in this database.";
