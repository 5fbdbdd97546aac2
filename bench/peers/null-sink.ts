/**
 * A floor: a first load as datahub-sync makes it, without what keeps it safe. Its own reader, encoder and batches, and calls
 * that are answered before they have left the process.
 */
import { systemClock } from "../../src/model/clock.js";
import { defaultUpdatedAt, DEFAULT_IGNORE } from "../../src/config/default-mirrors.js";
import { encodeRow } from "../../src/encode/encode-row.js";
import { planDocument } from "../../src/encode/plan-document.js";
import { Database } from "../../src/postgres/database.js";
import { BatchSender } from "../../src/sink/batch-sender.js";
import { ConvexSink } from "../../src/sink/convex-sink.js";
import { TableReader } from "../../src/source/table-reader.js";
import { pageSizes } from "../../src/model/page-sizes.js";
import { lookAtMirror } from "../../src/sync/look-at-catalog.js";
import { readAhead } from "../../src/sync/read-ahead.js";
import { readChunks } from "../../src/sync/read-chunks.js";
import { readTask } from "./read-task.js";

/** As the command has them where nothing is configured. */
const { pageRows, pageKeys } = pageSizes(500);
const TIMEOUT_MS = 30_000;

const NOTHING_WRITTEN = JSON.stringify({
  status: "success",
  value: { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 },
  logLines: [],
});

const { databaseUrl, convexUrl, tables } = readTask();
const clock = systemClock;
const database = new Database({
  url: databaseUrl,
  ssl: false,
  clock,
  connectTimeoutMs: TIMEOUT_MS,
  statementTimeoutMs: 10 * TIMEOUT_MS,
});
const fetch = () => Promise.resolve(new Response(NOTHING_WRITTEN));
const sink = new ConvexSink({ url: convexUrl, syncKey: "none", clock, fetch });

async function load(table: string): Promise<void> {
  const relation = { schema: "public", name: table };
  const source = await lookAtMirror(database, {
    relation,
    base: null,
    name: table,
    key: null,
    exclude: [],
    columns: {},
    ignore: [...DEFAULT_IGNORE],
    updatedAt: defaultUpdatedAt(relation),
  });
  const reader = new TableReader(database, source);
  const plan = planDocument(source.columns, table);
  const sender = new BatchSender({
    sink,
    clock,
    token: { table, epoch: 1n, nonce: "none", fence: 0n },
    onRowRefused: () => Promise.reject(new Error(`A row of ${table} was refused.`)),
  });
  let [rows, bytes] = [0, 0];
  const averageBytes = () => (rows === 0 ? 8 * 1024 : bytes / rows);
  for (let after: string | null = null; ;) {
    const keys: string[] = await reader.allKeys(after, pageKeys);
    if (keys.length === 0) break;
    for await (const chunk of readAhead(readChunks(reader, keys, { rows: pageRows }, averageBytes))) {
      for (const { key, hash, texts } of chunk.rows) {
        const encoded = encodeRow(plan, texts);
        if (!encoded.ok) throw new Error(encoded.refusal.message);
        rows += 1;
        bytes += encoded.bytes;
        await sender.upsert({ key, hash, json: encoded.json, bytes: encoded.bytes, indexed: {} });
      }
    }
    after = keys.at(-1)!;
  }
  await sender.drain();
}

for (const table of tables) await load(table);
await database.close();
