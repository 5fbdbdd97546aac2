import type { Clock } from "../../model/clock.js";
import type { MirrorConfig, SourceConfig } from "../../model/config.js";
import { SyncError } from "../../model/errors.js";
import { toConvexName } from "../../model/names.js";
import { listRelations, sampleLargestRow, type ListedRelation } from "../../catalog/list-relations.js";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import { quoteRelation } from "../../postgres/identifier.js";
import { openDatabase } from "../../sync/open-database.js";
import { resolveAnyhow } from "../schema/schema.js";
import { propose, type Proposal } from "./propose.js";
import { beginWatch, endWatch, type WatchedChanges } from "./watch-changes.js";

/** A relation that could be mirrored, or why not. */
export interface Candidate {
  listed: ListedRelation;
  config: MirrorConfig;
  resolved: ResolvedMirror | SyncError;
  proposal: Proposal;
  /** By its name, the table of a tool for migrations. */
  isToolsOwn: boolean;
}

export interface FindCandidatesOptions {
  config: SourceConfig;
  /** Columns that tell the rows of what has no key apart, by relation as messages name it. */
  keys: ReadonlyMap<string, readonly string[]>;
  /** How long to watch what changes; null: not at all. */
  watchSeconds: number | null;
  clock: Clock;
  signal: AbortSignal;
}

const TOOLS =
  /^(_?prisma_migrations|__drizzle_migrations|schema_migrations|knex_migrations\w*|flyway_schema_history|ar_internal_metadata|alembic_version|django_migrations|migrations|typeorm_metadata)$/i;

/** Every relation that this role can read, with its key and what is proposed for it. Changes nothing. */
export async function findCandidates({
  config,
  keys,
  watchSeconds,
  clock,
  signal,
}: FindCandidatesOptions): Promise<Candidate[]> {
  const open = () => openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  let database = open();
  try {
    const listed = await listRelations(database);
    const names = nameMirrors(listed);
    const configs = listed.map((relation, place) => toConfig(relation, names[place]!, keys));
    const found = await resolveAnyhow(database, configs);
    const changes = new Map<ResolvedMirror, WatchedChanges>();
    if (watchSeconds !== null) {
      const watched = [];
      for (const resolved of found)
        if (canChange(resolved)) watched.push(await beginWatch(database, resolved));
      // Nobody waits with a connection open: a database that sleeps when nobody is there may sleep.
      await database.close();
      await clock.sleep(watchSeconds * 1000, signal);
      database = open();
      for (const seen of watched) changes.set(seen.resolved, await endWatch(database, seen));
    }
    const candidates: Candidate[] = [];
    for (const [place, relation] of listed.entries()) {
      const resolved = found[place]!;
      const isMirrorable = !(resolved instanceof SyncError);
      const hasFiles = relation.kind !== "v";
      const largestRow =
        isMirrorable && hasFiles ? await sampleLargestRow(database, quoteRelation(relation)) : null;
      const known = { ...relation, largestRow };
      const proposal = isMirrorable
        ? propose(resolved.relation, known, resolved.keyColumns, changes.get(resolved) ?? null)
        : { ignore: [], exclude: [], remarks: [] };
      candidates.push({
        listed: known,
        config: { ...configs[place]!, ignore: proposal.ignore, exclude: proposal.exclude },
        resolved,
        proposal,
        isToolsOwn: TOOLS.test(relation.name),
      });
    }
    return candidates;
  } finally {
    await database.close();
  }
}

const canChange = (resolved: ResolvedMirror | SyncError): resolved is ResolvedMirror =>
  !(resolved instanceof SyncError) && ["table", "partitioned"].includes(resolved.relation.kind);

/** The relation's bare name, or with its schema where two have the same. */
function nameMirrors(relations: readonly ListedRelation[]): string[] {
  const bare = relations.map(({ name }) => toConvexName(name));
  return relations.map(({ schema, name }, place) =>
    bare.filter((other) => other === bare[place]).length === 1 || schema === "public"
      ? bare[place]!
      : toConvexName(`${schema}_${name}`),
  );
}

function toConfig(listed: ListedRelation, mirror: string, keys: FindCandidatesOptions["keys"]): MirrorConfig {
  const { schema, name, hasPrimaryKey, uniqueKey, kind } = listed;
  const named = keys.get(schema === "public" ? name : `${schema}.${name}`);
  return {
    relation: { schema, name },
    base: null,
    name: mirror,
    key: named ? [...named] : hasPrimaryKey || kind === "m" ? null : uniqueKey,
    ignore: [],
    updatedAt: "as-written",
    exclude: [],
    columns: {},
  };
}
