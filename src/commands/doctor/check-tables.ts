import type { HandshakeResult } from "../../../convex/datahubSync/stateProtocol.js";
import { ownsTable } from "../../catalog/foresee-tracking.js";
import { display } from "../../catalog/mirror-refusal.js";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import type { MirrorConfig, RelationName } from "../../model/config.js";
import { SyncError } from "../../model/errors.js";
import type { MirrorSource } from "../../model/mirror-source.js";
import type { Database } from "../../postgres/database.js";
import { howToAdd } from "../../sync/how-to-add.js";
import { isResolved, resolveEach } from "../../sync/look-at-catalog.js";
import type { MirrorState } from "../mirror-states.js";
import { failure, good, leftOut, problem, warning, type Checks, type Finding } from "./check.js";

/** Tables as Postgres alone has them: where the deployment does not answer, or nothing is migrated yet. */
export async function checkSources(
  checks: Checks,
  database: Database,
  mirrors: readonly MirrorConfig[],
  handshake: HandshakeResult | null,
): Promise<void> {
  const found = await resolveEach(database, mirrors);
  for (const [place, { name }] of mirrors.entries()) {
    const deployed = handshake?.mirrors[place]?.deployed ?? null;
    checks.add("tables", name, describeSource(found[place]!, deployed));
  }
  await checkOwner(
    checks,
    database,
    found
      .filter(isResolved)
      .filter(({ untrackable }) => untrackable === null)
      .map(({ base }) => base),
  );
}

function describeSource(found: ResolvedMirror | SyncError, deployed: boolean | null): Finding {
  if (found instanceof SyncError) return failure(found);
  const { config, relation, keyColumns } = found;
  const readable = `${display(relation)} can be mirrored, by ${keyColumns.join(", ")}`;
  if (deployed !== false) return good(readable);
  return problem(
    `${readable}; the deployment does not mirror a table named ${config.name}.`,
    "Add it to the tables of `defineDatahubSync` and to the schema in `convex/`, and run `npx convex deploy`.",
  );
}

/** Tables as both sides have them. */
export async function checkMirrors(
  checks: Checks,
  database: Database,
  states: readonly MirrorState[],
): Promise<void> {
  for (const state of states) checks.add("tables", state.config.name, describeMirror(state));
  const bases = states.flatMap(({ looked }) =>
    looked instanceof SyncError || looked.untrackable !== null
      ? []
      : [{ ...looked.base, oid: looked.baseOid }],
  );
  await checkOwner(checks, database, bases);
}

function describeMirror({ looked, handshake, memory, problem: refused, waiting }: MirrorState): Finding {
  if (looked instanceof SyncError) return failure(looked);
  if (refused !== null) return failure(refused);
  const { record, pending, setAside } = memory;
  if (looked.untrackable === null && (looked.tracking === null || looked.tracking.problem !== null)) {
    return warning(
      `Changes of ${display(looked.base)} may have gone unlogged${looked.tracking === null ? "" : `: ${looked.tracking.problem!}`}.`,
      "The next `datahub-sync sync` as the table's owner mends it and compares everything; so does `datahub-sync migrate`.",
    );
  }
  if (waiting.length > 0)
    return warning(`${waiting.map(({ name }) => name).join(", ")} wait for a deploy.`, howToAdd(waiting));
  if (!record?.watermark) return good(`${logged(looked)}; it has not been mirrored yet`);
  const held = pending.key + pending.document + pending.stranger;
  if (held > 0) {
    return warning(
      `${count(held)} deletions are held back.`,
      `If they are meant: datahub-sync sync --allow-deletes ${looked.name}`,
    );
  }
  if (setAside > 0) {
    return warning(
      `${count(setAside)} rows are set aside.`,
      "`datahub-sync status` names them and says why.",
    );
  }
  return good(
    `${count(handshake.rows)} rows mirrored, ${showAge(record.watermarkAgeSeconds!)} old; ${logged(looked)}`,
  );
}

function logged({ base, untrackable }: MirrorSource): string {
  return untrackable === null
    ? `changes of ${display(base)} are logged`
    : `each run compares it, since ${untrackable}`;
}

const count = (n: number) => n.toLocaleString("en-US");

function showAge(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** Whoever does not own a table can run, and can neither migrate nor mend. */
async function checkOwner(
  checks: Checks,
  database: Database,
  bases: readonly (RelationName & { oid: string })[],
): Promise<void> {
  if (bases.length === 0) {
    checks.add("postgres", "rights", leftOut("no table could be looked at"));
    return;
  }
  const others: string[] = [];
  for (const base of bases) {
    const owns = await database.execute("reading the owner of a table", (sql) => ownsTable(sql, base.oid));
    if (!owns) others.push(display(base));
  }
  if (others.length === 0) {
    checks.add(
      "postgres",
      "rights",
      good("this role reads and owns the tables: it can migrate, run and mend"),
    );
    return;
  }
  const names = [...new Set(others)].join(", ");
  checks.add(
    "postgres",
    "rights",
    warning(
      `This role reads the tables and does not own ${names}: it can run, and neither migrate nor mend tracking there.`,
      "Run `datahub-sync migrate` as the owner, and after each change of a table's columns or triggers.",
    ),
  );
}
