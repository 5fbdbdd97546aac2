import type { MirrorConfig } from "../../src/config/types.js";
import type { Sql } from "../../src/postgres/database.js";
import { inspectMirror, type DocumentRules } from "../../src/source/inspect-mirror.js";
import type { MirrorSource } from "../../src/source/mirror-source.js";
import { readCatalog } from "../../src/source/read-catalog.js";
import { resolveMirror } from "../../src/source/resolve-mirror.js";

/** One mirror as a run reads it. */
export async function inspectOne(
  sql: Sql,
  config: MirrorConfig,
  rules: DocumentRules,
): Promise<MirrorSource> {
  const [entry] = await readCatalog(sql, [config]);
  return inspectMirror(resolveMirror(config, entry!), rules);
}
