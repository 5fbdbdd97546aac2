import { and, eq, sql } from "drizzle-orm";
import { mirrors, pendingDeletions, setAsideRows } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { RECORD_COLUMNS, toRecord, type MirrorRecord, type ReadRow } from "./mirror-record.js";
import type { DeletionKind } from "./pending-deletions.js";

/** What Postgres remembers of a mirror. */
export interface MirrorMemory {
  /** Null before its first run. */
  record: MirrorRecord | null;
  /** Deletions that were found and not made yet. */
  pending: Record<DeletionKind, number>;
  /** Rows that are set aside. */
  setAside: number;
}

/** What is remembered of these mirrors, by name: one statement, however many they are. */
export async function readMemories(
  database: Database,
  targetId: number,
  names: readonly string[],
): Promise<Map<string, MirrorMemory>> {
  const asked = sql<string>`asked.name`;
  const rows = await database.executeDrizzle("reading the watermarks", (db) =>
    db
      .select({
        ...RECORD_COLUMNS,
        asked,
        pending: sql<string | null>`(
          SELECT json_object_agg(kind, n)::text
            FROM (SELECT kind, count(*) AS n FROM ${pendingDeletions} p
                   WHERE p.target_id = ${targetId} AND p.mirror = ${asked} GROUP BY kind) AS due)`,
        setAside: sql<string>`(
          SELECT count(*)::text FROM ${setAsideRows} r WHERE r.target_id = ${targetId} AND r.mirror = ${asked})`,
      })
      .from(sql`unnest(${arrayLiteral(names)}::text::text[]) AS asked (name)`)
      .leftJoin(mirrors, and(eq(mirrors.targetId, targetId), eq(mirrors.name, asked))),
  );
  return new Map(
    rows.map(({ asked: name, pending, setAside, ...row }) => {
      const due = (pending === null ? {} : JSON.parse(pending)) as Partial<MirrorMemory["pending"]>;
      return [
        name,
        {
          record: row.name === null ? null : toRecord(row as ReadRow),
          pending: { key: due.key ?? 0, document: due.document ?? 0, stranger: due.stranger ?? 0 },
          setAside: Number(setAside),
        },
      ];
    }),
  );
}
