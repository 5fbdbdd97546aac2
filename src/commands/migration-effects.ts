import type { Notice } from "../model/report.js";
import type { ForeseenTracking, RecordedTable } from "../catalog/foresee-tracking.js";
import { display } from "../catalog/mirror-refusal.js";

/** What a `migrate` changes of what was so before, in words; codes are stable. */

export function schemaCreated(): Notice {
  return {
    code: "SCHEMA_CREATED",
    message:
      "A schema datahub_sync is created. Of the seven tables of the default configuration, those that exist and are this role's " +
      "are tracked by the migrations themselves, whatever the configuration says; `untrack` takes that back.",
  };
}

export function schemaUpdated(migrations: number): Notice {
  return {
    code: "SCHEMA_UPDATED",
    message:
      `${migrations === 1 ? "A migration changes" : `${migrations} migrations change`} tables and functions of datahub_sync: versions of datahub-sync that do not know ` +
      "them refuse this database from then on (MIGRATIONS_NEWER). Tables whose triggers they replace are compared by the next run.",
  };
}

export function tablesTracked(bases: readonly string[]): Notice {
  return {
    code: "TABLES_TRACKED",
    message: `${bases.join(", ")} ${bases.length === 1 ? "gets" : "get"} triggers: each change of a mirrored column, and each TRUNCATE, is noted in the change log by whoever makes it. Writers wait while they are made, 5 s at most.`,
  };
}

export function triggersReplaced(bases: readonly string[]): Notice {
  return {
    code: "TRIGGERS_REPLACED",
    message: `The triggers of ${bases.join(", ")} are made anew: writers wait meanwhile, 5 s at most.`,
  };
}

/** What changes for a table that was tracked before. */
export function trackingChanges(base: string, { before, after }: ForeseenTracking): Notice[] {
  if (before === null) return [];
  const lost = before.compared.filter((name) => !after.compared.includes(name));
  const come = after.compared.filter((name) => !before.compared.includes(name));
  return [
    ...(lost.length > 0 ? [columnsUnwatched(base, lost)] : []),
    ...(come.length > 0 ? [columnsWatched(base, come)] : []),
    ...(before.updatedAt === "content" && after.updatedAt !== "content" ? [updatedAtAsWritten(base)] : []),
  ];
}

function columnsUnwatched(base: string, columns: readonly string[]): Notice {
  return {
    code: "COLUMNS_UNWATCHED",
    message: `Changes of ${columns.join(", ")} of ${base} alone are not noted any more: no deployment mirrors ${columns.length === 1 ? "it" : "them"}.`,
  };
}

function columnsWatched(base: string, columns: readonly string[]): Notice {
  return { code: "COLUMNS_WATCHED", message: `Changes of ${columns.join(", ")} of ${base} are noted, too.` };
}

function updatedAtAsWritten(base: string): Notice {
  return {
    code: "UPDATED_AT_AS_WRITTEN",
    message: `updated_at of ${base} becomes an ordinary column: an UPDATE that sets what is there moves it, and is mirrored for it.`,
  };
}

export function nextRunCompares(mirror: string, target: string | null, reason: string): Notice {
  const whose = target === null ? mirror : `${mirror} of ${target}`;
  return { code: "NEXT_RUN_COMPARES", message: `The next run of ${whose} compares everything: ${reason}.` };
}

export function stillTracked(table: RecordedTable): Notice {
  return {
    code: "STILL_TRACKED",
    message: `${display(table)} stays tracked for this deployment, and no configured mirror reads it: \`migrate\` leaves that as it is, \`datahub-sync untrack\` ends it while the table is configured.`,
  };
}

export function droppedForgotten(table: RecordedTable): Notice {
  const entries = `${table.entries.toLocaleString("en-US")} ${table.entries === 1 ? "entry" : "entries"} of the change log`;
  return {
    code: "DROPPED_TABLE_FORGOTTEN",
    message: table.hasHeir
      ? `Of the table ${display(table)} that was dropped, ${entries} go; what deployments mirrored of it goes on for the table of that name.`
      : `Of the table ${display(table)} that was dropped, ${entries} and the triggers that it has left on others go.`,
  };
}
