import { customType } from "drizzle-orm/pg-core";

/**
 * Types of Postgres that Drizzle does not know. All travel as text: a 64-bit transaction id does not fit in a
 * JavaScript number, and a snapshot is three of them and a list.
 */
export const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
export const pgSnapshot = customType<{ data: string }>({ dataType: () => "pg_snapshot" });
export const bytea = customType<{ data: string }>({ dataType: () => "bytea" });
export const oid = customType<{ data: string }>({ dataType: () => "oid" });
