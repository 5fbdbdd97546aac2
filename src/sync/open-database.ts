import type { Clock } from "../model/clock.js";
import type { DatabaseConfig, Settings } from "../model/config.js";
import { Database } from "../postgres/database.js";

/** A comparison hashes whole tables: statements get more time than single calls do. */
const STATEMENT_TIME_FACTOR = 10;

/** @param signal aborted when the command should end */
export function openDatabase(
  config: DatabaseConfig,
  settings: Settings,
  clock: Clock,
  signal: AbortSignal | undefined,
  { readOnly = false } = {},
): Database {
  return new Database({
    url: config.url.reveal(),
    host: config.host,
    port: config.port,
    database: config.database,
    ssl: config.sslMode === "disable" ? false : config.sslMode,
    clock,
    signal,
    readOnly,
    maxConnections: settings.parallel + 2,
    connectTimeoutMs: settings.callTimeoutMs,
    statementTimeoutMs: settings.callTimeoutMs * STATEMENT_TIME_FACTOR,
  });
}
