import type { MirrorConfig, RelationName, UpdatedAt } from "../model/config.js";

/** The tables of the default configuration: those that the datahub's import job fills. */
const DEFAULT_TABLES = [
  "sow_poles",
  "sow_drops",
  "nokia_exports",
  "onemap_installations",
  "onemap_poles",
  "lawley_activations",
  "mohadin_activations",
] as const;

/** The import job sets it in every row on every run, whether anything changed or not. */
export const DEFAULT_IGNORE = ["sync_timestamp"] as const;

/**
 * The import job sets `updated_at` in every row of these, too. Elsewhere it is the owner's, until the configuration says
 * otherwise.
 */
export function defaultUpdatedAt({ schema, name }: RelationName): UpdatedAt {
  return isDefaultTable({ schema, name }) ? "content" : "as-written";
}

export function isDefaultTable({ schema, name }: RelationName): boolean {
  return schema === "public" && (DEFAULT_TABLES as readonly string[]).includes(name);
}

/** What is mirrored when there is no configuration file. */
export function defaultMirrors(): MirrorConfig[] {
  return DEFAULT_TABLES.map((name) => ({
    relation: { schema: "public", name },
    base: null,
    name,
    key: null,
    ignore: [...DEFAULT_IGNORE],
    updatedAt: "content",
    exclude: [],
    columns: {},
  }));
}
