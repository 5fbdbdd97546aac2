import type { Clock } from "../model/clock.js";
import type { SyncConfig } from "../model/config.js";
import { EXIT } from "../model/errors.js";
import type { HealthReport, HealthTable } from "../model/health-report.js";
import { findTargetId } from "../state/read-leases.js";
import { readMemories } from "../state/read-state.js";
import { openDatabase } from "../sync/open-database.js";
import { openSource } from "../sync/open-source.js";

export interface HealthOptions {
  config: SyncConfig;
  maxAgeSeconds: number;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * How old the mirrors are, and whether that is too old. Asks Postgres alone, in three statements that read no table of the
 * owner's: it is asked often, and a deployment that does not answer shows in the age soon enough.
 */
export async function checkHealth({
  config,
  maxAgeSeconds,
  clock,
  signal,
}: HealthOptions): Promise<HealthReport> {
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  try {
    await openSource(database);
    const targetId = await findTargetId(database, config.target);
    const names = config.mirrors.map(({ name }) => name);
    const memories = targetId === null ? null : await readMemories(database, targetId, names);
    const tables = names.map((table): HealthTable => {
      const record = memories?.get(table)?.record ?? null;
      return { table, ageSeconds: record?.watermark ? Math.round(record.watermarkAgeSeconds!) : null };
    });
    tables.sort((a, b) => (b.ageSeconds ?? Infinity) - (a.ageSeconds ?? Infinity));
    const ok = tables.every(({ ageSeconds }) => ageSeconds !== null && ageSeconds <= maxAgeSeconds);
    return { ok, exitCode: ok ? EXIT.done : EXIT.stale, maxAgeSeconds, tables };
  } finally {
    await database.close();
  }
}
