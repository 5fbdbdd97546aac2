import { integer } from "drizzle-orm/pg-core";
import { datahubSync } from "../../drizzle/state.js";

export * from "../../drizzle/state.js";

/** A table that no migration makes: what a forgotten `npm run db:generate` looks like. */
export const forgotten = datahubSync.table("forgotten", { id: integer("id").primaryKey() });
