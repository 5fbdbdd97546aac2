import type { DatabaseConfig } from "../../model/config.js";
import type { Clock } from "../../model/clock.js";
import type { Database } from "../../postgres/database.js";
import { good, problem, warning, type Checks, type Finding } from "./check.js";

/** Major versions that the tests run on. */
const OLDEST = 14;
const NEWEST = 18;

/** Between this machine's clock and the server's. Nothing rests on it but the times that logs show. */
const CLOCK_TOLERANCE_S = 10;

/** An open transaction of this age is more likely forgotten than at work. */
const OLD_TRANSACTION_S = 3600;

interface ServerFacts {
  version: string;
  versionNumber: number;
  database: string;
  role: string;
  encrypted: boolean;
  isRecovering: boolean;
  now: number;
  oldest: { since: string; seconds: number; who: string } | null;
}

/** What the first statement tells. @returns whether the server answered */
export async function checkServer(
  checks: Checks,
  database: Database,
  { config, clock }: { config: DatabaseConfig; clock: Clock },
): Promise<boolean> {
  const facts = await checks.look("postgres", "connection", async () => {
    const before = clock.now();
    const value = { ...(await readFacts(database)), before, after: clock.now() };
    return { finding: connection(config, value), value };
  });
  if (facts === null) return false;
  checks.add("postgres", "version", version(facts));
  checks.add("postgres", "clock", clocks(facts));
  checks.add("postgres", "transactions", transactions(facts));
  return true;
}

async function readFacts(database: Database): Promise<ServerFacts> {
  const [row] = await database.execute("looking at the server", (sql) =>
    sql.unsafe<{ facts: string }[]>(`
      SELECT json_build_object(
        'version', current_setting('server_version'), 'versionNumber', current_setting('server_version_num')::int,
        'database', current_database(), 'role', current_user,
        'encrypted', coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
        'isRecovering', pg_is_in_recovery(),
        'now', extract(epoch FROM clock_timestamp())::float8,
        'oldest', (SELECT json_build_object('since', to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'who', who,
                            'seconds', extract(epoch FROM clock_timestamp() - started)::float8)
                     FROM (SELECT xact_start AS started, format('session %s of %s (%s)', pid, usename, application_name) AS who
                             FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND xact_start IS NOT NULL
                           UNION ALL SELECT prepared, format('prepared transaction %s of %s', gid, owner) FROM pg_prepared_xacts) AS open
                    ORDER BY started LIMIT 1))::text AS facts`),
  );
  return JSON.parse(row!.facts) as ServerFacts;
}

function connection(
  config: DatabaseConfig,
  { database, role, encrypted, before, after }: ServerFacts & Span,
): Finding {
  const isPooled = /-pooler\./.test(config.host);
  const kind = isPooled ? "through a pooler, " : "";
  // A pooler's own connection to the server says nothing of ours to the pooler.
  const isEncrypted = isPooled ? config.sslMode !== "disable" : encrypted;
  return good(
    `${database} at ${config.host}:${config.port} as ${role}, ${kind}${isEncrypted ? "encrypted" : "not encrypted"}; answered in ${after - before} ms`,
  );
}

interface Span {
  before: number;
  after: number;
}

function version({ version: text, versionNumber, isRecovering }: ServerFacts): Finding {
  if (isRecovering) {
    return problem(
      "This Postgres is a standby: snapshots taken here say nothing about the primary.",
      "Point DATABASE_URL at the primary.",
    );
  }
  const major = Math.floor(versionNumber / 10_000);
  if (major < OLDEST) {
    return problem(
      `Postgres ${text} is older than ${OLDEST}, the oldest version that is supported.`,
      "Upgrade the server.",
    );
  }
  if (major > NEWEST) {
    return warning(
      `Postgres ${text} is newer than ${NEWEST}, the newest version that this one was tested with.`,
      "Look for a newer version of datahub-sync.",
    );
  }
  return good(`Postgres ${text}`);
}

function clocks({ now, before, after }: ServerFacts & Span): Finding {
  const seconds = now - (before + after) / 2000;
  const tolerance = CLOCK_TOLERANCE_S + (after - before) / 2000;
  if (Math.abs(seconds) <= tolerance) return good("this machine's clock agrees with the server's");
  return warning(
    `This machine's clock is ${Math.round(Math.abs(seconds))} s ${seconds > 0 ? "behind" : "ahead of"} the server's. Runs do not rest on it, the times in logs and cron do.`,
    "Let NTP set it: timedatectl set-ntp true",
  );
}

function transactions({ oldest }: ServerFacts): Finding {
  if (oldest === null) return good("none is open that writes, of those that this role may see");
  const found = `the oldest open one that writes is ${oldest.who}, since ${oldest.since} UTC`;
  if (oldest.seconds < OLD_TRANSACTION_S) return good(found);
  return warning(
    `${found[0]!.toUpperCase()}${found.slice(1)}. Runs go on; what it writes is mirrored when it has ended, and the change log cannot shrink before.`,
    "If it was forgotten, end it: pg_terminate_backend, or ROLLBACK PREPARED.",
  );
}
