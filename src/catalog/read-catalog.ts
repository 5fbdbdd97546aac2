import type { MirrorConfig, RelationName } from "../model/config.js";
import type { Sql } from "../postgres/database.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { CATALOG_SQL, CATALOG_WITH_VIEWS_SQL, UNMIGRATED_CATALOG_SQL } from "./catalog-sql.js";
import type { KeyPart } from "../model/key-part.js";
import { toRelation, type Relation, type RelationFact } from "./relation.js";
import { typeResolver, type TypeFact } from "./read-types.js";
import { toTracking, type TrackingFact, type TrackingRecord } from "./tracking.js";

/** What the catalog says of one configured mirror; nothing of it is refused yet. */
export interface CatalogEntry {
  /** Null where there is none of that name; and then nothing of what follows is known. */
  relation: Relation | null;
  /** The tables under a view, by name. */
  basesOfView: RelationName[];
  /** The one table under the view, or the configured or the relation itself; null where there is none, or several. */
  base: Relation | null;
  /** The configured key, or the primary key's columns; null where there is neither. */
  namedKey: string[] | null;
  /** The same in the order of the unique index that they carry; null where they are no key. */
  orderedKey: string[] | null;
  /** Of the named columns, those whose NOT NULL holds only for rows that were written since (from Postgres 18 on). */
  unvalidated: { column: string; constraint: string }[];
  /** The SQL of the canonical key text over the alias `r`, and the columns that it is made of. */
  key: { expression: string; parts: KeyPart[] } | null;
  /** The same of a view, a materialized view or a foreign table by itself, without a table under it; null of a table. */
  ofItself: OfItself | null;
  /** The parse trees of a view and of the views under it, by oid. */
  viewTrees: ReadonlyMap<string, string>;
  tracking: TrackingRecord | null;
  /** Which writings of the catalog are in force for the base table; see `Sight`. */
  files: string;
  partitions: string;
  /** What generated columns of the base are computed from. */
  generated: { generated: string; input: string }[];
}

/** What is asked of a relation that is compared by itself. */
export interface OfItself {
  orderedKey: string[] | null;
  key: CatalogEntry["key"];
  files: string;
  partitions: string;
}

interface MirrorFact {
  place: number;
  relation: string;
  base: string | null;
  basesOfView: RelationName[] | null;
  namedKey: string[] | null;
  orderedKey: string[] | null;
  unvalidated: CatalogEntry["unvalidated"] | null;
  keyExpression: string | null;
  keyParts: KeyPart[] | null;
  ofItself:
    | (Pick<MirrorFact, "orderedKey" | "keyExpression" | "keyParts"> & {
        files: string | null;
        partitions: string | null;
      })
    | null;
  viewTrees: { view: string; tree: string }[] | null;
  tracking: TrackingFact | null;
  files: string | null;
  partitions: string | null;
  generated: CatalogEntry["generated"] | null;
}

const NOTHING: CatalogEntry = {
  relation: null,
  basesOfView: [],
  base: null,
  namedKey: null,
  orderedKey: null,
  unvalidated: [],
  key: null,
  ofItself: null,
  viewTrees: new Map(),
  tracking: null,
  files: "",
  partitions: "",
  generated: [],
};

/** What is known of a source from looks before. */
export interface CatalogMemo {
  /** Views, or others that are no tables, are mirrored: they are asked about at once. */
  hasViews: boolean;
  /** The schema `datahub_sync` is not there: what only runs have to know is left out. */
  isUnmigrated?: boolean;
}

/**
 * Reads what the catalog says of these mirrors, in their order: one statement, however many they are; a second one where
 * views are among them and nobody knew.
 */
export async function readCatalog(
  sql: Sql,
  configs: readonly MirrorConfig[],
  memo: CatalogMemo = { hasViews: false },
): Promise<CatalogEntry[]> {
  if (configs.length === 0) return [];
  const asked = configs.map(({ relation, base, key }, place) => ({
    place,
    ...relation,
    base_schema: base?.schema ?? null,
    base_name: base?.name ?? null,
    key,
  }));
  const ask = async () => {
    const migrated = memo.hasViews ? CATALOG_WITH_VIEWS_SQL : CATALOG_SQL;
    const statement = memo.isUnmigrated === true ? UNMIGRATED_CATALOG_SQL : migrated;
    const rows = await sql
      .unsafe<{ kind: string; fact: string }[]>(statement, [JSON.stringify(asked)])
      .catch((error: unknown) => {
        // A name with letters that the database's encoding lacks is the name of nothing there.
        if (configs.length === 1 && isUntranslatable(error)) return [];
        throw error;
      });
    return <Fact>(wanted: string) =>
      rows.filter(({ kind }) => kind === wanted).map(({ fact }) => JSON.parse(fact) as Fact);
  };
  let facts = await ask();
  if (!memo.hasViews && facts<RelationFact>("relation").some(({ kind }) => "vmf".includes(kind))) {
    memo.hasViews = true;
    facts = await ask();
  }
  const resolveType = typeResolver(facts<TypeFact>("type"));
  const relations = new Map(
    facts<RelationFact>("relation").map((fact) => [fact.oid, toRelation(fact, resolveType)]),
  );
  const mirrors = new Map(facts<MirrorFact>("mirror").map((fact) => [fact.place, fact]));
  return configs.map((_, place) => {
    const fact = mirrors.get(place);
    return fact === undefined ? NOTHING : toEntry(fact, relations);
  });
}

function toEntry(fact: MirrorFact, relations: ReadonlyMap<string, Relation>): CatalogEntry {
  const { ofItself } = fact;
  return {
    relation: relations.get(fact.relation) ?? null,
    basesOfView: fact.basesOfView ?? [],
    base: fact.base === null ? null : (relations.get(fact.base) ?? null),
    namedKey: fact.namedKey,
    orderedKey: fact.orderedKey,
    unvalidated: fact.unvalidated ?? [],
    key: toKey(fact),
    ofItself: ofItself && {
      orderedKey: ofItself.orderedKey,
      key: toKey(ofItself),
      files: ofItself.files ?? "",
      partitions: ofItself.partitions ?? "",
    },
    viewTrees: new Map(fact.viewTrees?.map(({ view, tree }) => [view, tree])),
    tracking: fact.tracking && toTracking(fact.tracking),
    files: fact.files ?? "",
    partitions: fact.partitions ?? "",
    generated: fact.generated ?? [],
  };
}

function toKey({
  keyExpression,
  keyParts,
}: Pick<MirrorFact, "keyExpression" | "keyParts">): CatalogEntry["key"] {
  return keyExpression === null || keyParts === null ? null : { expression: keyExpression, parts: keyParts };
}
