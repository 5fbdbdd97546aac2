import { keyText, PINNED_SETTINGS, quoteName, quoteText } from "../local/oracle/mirrored-table.js";
import { EXTRA_COLUMNS } from "./extra-columns.js";
import type { TortureTable } from "./tables.js";

/** What the tables record of themselves. */
export const CHANGES_DDL = `
  CREATE TABLE changes (
    mirror text, key text, kind text, position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 DEFAULT pg_current_xact_id(), at timestamptz DEFAULT clock_timestamp()
  )`;

/** The name of a trigger of the owner's that comes after all others: what it makes of a row is what is stored. */
export const LAST_TRIGGER = "~~ last";

/**
 * Has a table record its own changes by itself: whatever the sync makes of them is held against this.
 * @param ignored columns that nobody's `updated_at` follows
 */
export function auditTable(table: TortureTable, ignored: readonly string[]): string {
  const note = (kind: string, row: string | null) =>
    `INSERT INTO changes (mirror, key, kind) VALUES (${quoteText(table.mirror)}, ${row === null ? "NULL" : keyText(table, row)}, '${kind}')`;
  const audit = quoteName(`audit ${table.mirror}`);
  const settings = Object.entries(PINNED_SETTINGS).map(([name, value]) => `SET ${name} = '${value}'`);
  return `
    CREATE OR REPLACE FUNCTION ${audit}() RETURNS trigger LANGUAGE plpgsql ${settings.join(" ")} AS $audit$
    BEGIN
      IF TG_OP = 'TRUNCATE' THEN ${note("truncate", null)};
      ELSIF TG_OP = 'INSERT' THEN ${note("write", "NEW")};
      ELSIF TG_OP = 'DELETE' THEN ${note("leave", "OLD")};
      ELSIF ${isChange(table, ignored)} THEN
        IF ${keyText(table, "OLD")} <> ${keyText(table, "NEW")} THEN ${note("leave", "OLD")}; END IF;
        ${note("write", "NEW")};
      END IF;
      RETURN NULL;
    END $audit$;
    CREATE TRIGGER ${audit} AFTER INSERT OR UPDATE OR DELETE ON ${quoteName(table.base)}
      FOR EACH ROW EXECUTE FUNCTION ${audit}();
    ALTER TABLE ${quoteName(table.base)} ENABLE ALWAYS TRIGGER ${audit};
    ${[table.base, ...table.partitions].map((part) => auditTruncations(table, part)).join("\n")}`;
}

/** TRUNCATE of a partition alone calls the partition's trigger only. */
export function auditTruncations({ mirror }: TortureTable, part: string): string {
  const [audit, name] = [quoteName(`audit ${mirror}`), quoteName(`audit truncate ${mirror}`)];
  return `
    CREATE OR REPLACE TRIGGER ${name} AFTER TRUNCATE ON ${quoteName(part)} FOR EACH STATEMENT EXECUTE FUNCTION ${audit}();
    ALTER TABLE ${quoteName(part)} ENABLE ALWAYS TRIGGER ${name};`;
}

/**
 * Where `updated_at` follows the content, it is left out: it moves with the others, mirrored or not, and never alone;
 * unless none of it was called (a replica, or triggers that the owner has taken away), or the last trigger changed it.
 */
function isChange({ mirror, columns, updatedAt }: TortureTable, ignored: readonly string[]): string {
  const follows = updatedAt === "content";
  const content = columns.filter(({ name, configured }) =>
    follows
      ? name !== "updated_at" && (configured === "mirrored" || !ignored.includes(name))
      : configured === "mirrored",
  );
  const images = (row: string) =>
    `ROW(${content.map(({ name }) => `${row}.${quoteName(name)}`).join(", ")})::record`;
  const differs = `(${images("OLD")} OPERATOR(pg_catalog.*<>) ${images("NEW")} OR ${extrasDiffer})`;
  if (!follows) return differs;
  return `(${differs} OR OLD.updated_at IS DISTINCT FROM NEW.updated_at
    AND (current_setting('session_replication_role') = 'replica'
         OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = ${quoteText(LAST_TRIGGER)})
         OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgenabled IN ('O', 'A')
                           AND tgname ~ '^zzz_datahub_sync_[0-9]+_content$')
            AND EXISTS (SELECT FROM changes WHERE mirror = ${quoteText(mirror)} AND kind = 'shape')))`;
}

/** By their texts: there may be no such columns. */
const extraTexts = (row: string) =>
  `ROW(${EXTRA_COLUMNS.map((name) => `to_json(${row}) ->> '${name}'`).join(", ")})`;
const extrasDiffer = `EXISTS (SELECT FROM pg_attribute WHERE attrelid = TG_RELID AND attname ~ '^extra_[0-9]$' AND NOT attisdropped)
    AND ${extraTexts("OLD")} IS DISTINCT FROM ${extraTexts("NEW")}`;

/** Where all triggers of a table were switched, its own record of its changes goes on. */
export function keepAuditing(mirrors: readonly TortureTable[], base: string): string[] {
  return mirrors.flatMap(({ mirror }) =>
    [`audit ${mirror}`, `audit truncate ${mirror}`].map(
      (name) => `ALTER TABLE ${base} ENABLE ALWAYS TRIGGER ${quoteName(name)}`,
    ),
  );
}

/** A document may be written, or deleted, once more for each of these: no row says so. */
export function noteShape({ mirror }: TortureTable): string {
  return `INSERT INTO changes (mirror, kind) VALUES (${quoteText(mirror)}, 'shape')`;
}
