import { showKey } from "../../source/key-text.js";
import { parseSnapshot } from "../../model/snapshot.js";
import type { SourceRow } from "../../source/table-reader.js";
import type { MirrorRecord } from "../../state/mirror-record.js";
import { findPendingDeletions } from "../../state/pending-deletions.js";
import { readMirrorRecord } from "../../state/mirror-record.js";
import { findSetAside } from "../../state/set-aside-rows.js";
import { readChunks } from "../../sync/read-chunks.js";
import { compareRow, type HeldDocument } from "./compare-row.js";
import type { Findings } from "./findings.js";
import type { VerifiedMirror } from "./verified-mirror.js";

/** Looks at the same keys, while runs go on between two of them. */
const ROUNDS = 5;

/** For the size of a chunk, before a row was read. */
const ASSUMED_ROW_BYTES = 1_000;

/**
 * Looks at both sides of these keys and says what is so: what a writer or a run has moved between two looks at different
 * times is no difference. The watermark is read before and after. Where it is the same, nothing that was logged since is
 * purged, and a key that is not in the log is as the last run left it.
 */
export async function settle(
  mirror: VerifiedMirror,
  keys: readonly string[],
  findings: Findings,
): Promise<void> {
  if (keys.length === 0) return;
  for (let round = 0; round < ROUNDS; round++) {
    mirror.signal.throwIfAborted();
    const before = await readMirrorRecord(mirror.stored);
    const looked = await lookAtBoth(mirror, keys, before);
    const after = await readMirrorRecord(mirror.stored);
    if (positionOf(before) === positionOf(after)) {
      for (const key of keys) judge(mirror, key, looked, findings);
      return;
    }
  }
  findings.count("unsettled", keys.length);
}

const positionOf = (record: MirrorRecord | null) => record?.watermark?.snapshot ?? null;

interface Looked {
  rows: Map<string, SourceRow>;
  documents: Map<string, HeldDocument | "gone">;
  /** Logged since the watermark, or "all" where only a comparison could tell. */
  waiting: Set<string> | "all";
  setAside: Set<string>;
  heldBack: Set<string>;
}

async function lookAtBoth(
  { convex, reader, log, stored, source, pageRows }: VerifiedMirror,
  keys: readonly string[],
  record: MirrorRecord | null,
): Promise<Looked> {
  const documents: Looked["documents"] = new Map();
  for await (const found of convex.readDocuments(keys)) {
    for (const { key, hash, document } of found)
      documents.set(key, document === null ? "gone" : { hash, document });
  }
  const rows: Looked["rows"] = new Map();
  for await (const chunk of readChunks(reader, keys, { rows: pageRows }, () => ASSUMED_ROW_BYTES)) {
    for (const row of chunk.rows) rows.set(row.key, row);
  }
  const since = record?.watermark ? parseSnapshot(record.watermark.snapshot) : null;
  // Without a log nothing tells what is newer than the last run; the report says so.
  const isLogged = since !== null && source.tracking !== null;
  const unknown = isLogged ? await log.findUnknown(since) : null;
  return {
    rows,
    documents,
    waiting: !isLogged ? new Set() : unknown !== null ? "all" : await log.waitingAmong(since, keys),
    setAside: new Set(await findSetAside(stored, keys)),
    heldBack: await findPendingDeletions(stored, "key", keys),
  };
}

function judge(mirror: VerifiedMirror, key: string, looked: Looked, findings: Findings): void {
  const row = looked.rows.get(key);
  const held = looked.documents.get(key);
  if (row === undefined && held === undefined) return;
  const compared =
    row === undefined || held === undefined || held === "gone" ? null : compareRow(mirror.plan, row, held);
  if (compared?.kind === "equal") return findings.count("equal");
  if (looked.waiting === "all" || looked.waiting.has(key)) return findings.count("waiting");
  const shown = showKey(
    key,
    mirror.source.keyColumns.map(({ kind }) => kind),
  );
  if (row === undefined) {
    return looked.heldBack.has(key) ? findings.count("heldBack") : findings.add("extra", shown);
  }
  if (compared === null) {
    return looked.setAside.has(key) ? findings.count("setAside") : findings.add("missing", shown);
  }
  // A document of a row that Convex cannot hold is one of before: what is outdated must not be shown as current.
  if (compared.kind === "refused") return findings.add("extra", shown);
  findings.add(compared.kind, shown, compared.kind === "different" ? compared.columns : []);
}
