import type { MirrorConfig } from "../../src/model/config.js";
import type { Sql } from "../../src/postgres/database.js";
import { inspectMirror, type DocumentRules } from "../../src/catalog/inspect-mirror.js";
import type { MirrorSource } from "../../src/model/mirror-source.js";
import { readCatalog } from "../../src/catalog/read-catalog.js";
import { resolveMirror } from "../../src/catalog/resolve-mirror.js";

/** One mirror as a run reads it. */
export async function inspectOne(
  sql: Sql,
  config: MirrorConfig,
  rules: DocumentRules,
): Promise<MirrorSource> {
  const [entry] = await readCatalog(sql, [config]);
  return inspectMirror(resolveMirror(config, entry!), rules);
}
