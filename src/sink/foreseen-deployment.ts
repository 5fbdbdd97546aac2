import { convexToJson, getDocumentSize, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type {
  DocumentPage,
  LedgerPage,
  LookupResult,
  MissingPage,
} from "../../convex/datahubSyncPageProtocol.js";
import type { HandshakeResult, RunResult } from "../../convex/datahubSyncProtocol.js";
import { foreseeBatch, type BatchRequest } from "./foresee-batch.js";
import { ForeseenMirror } from "./foreseen-mirror.js";
import { ConvexSink, type SinkOptions } from "./convex-sink.js";
import { endedStateBytes, ledgerBytes, noIo, type DatabaseIo } from "./io-estimate.js";

/** The handshake samples documents until it has read so much; see convex/datahubSyncHandshake.ts. */
const SAMPLE_BYTES = 256 * 1024;

/** Tables whose documents are sampled for the cost of the handshake; the others are taken to be like those. */
const SAMPLED_TABLES = 16;

/** A key as long as a uuid, and its hash, where the entry that was read is not told. */
const USUAL_ENTRY = ledgerBytes("0".repeat(36), "0".repeat(22));

/** What a sink of a foreseen deployment would cost, in the sum of its calls. */
export interface ForeseenIo {
  ofTable(table: string): DatabaseIo;
  /** Of calls for all mirrors together. */
  shared: DatabaseIo;
}

/** Arguments of queries and mutations, as far as their I/O depends on them. */
interface Arguments {
  table: string;
  tables: string[];
  ends: { table: string; fence: JSONValue }[];
  limit: number;
}

/**
 * A deployment that is only looked at. Its sinks send their queries as they are; mutations never leave the process: they
 * are answered from look-ups, as the deployment would answer them. So the very code of a run can be used, and what it
 * counts (calls, bytes of bodies) is what a run would count.
 */
export class ForeseenDeployment {
  readonly #options: SinkOptions;
  readonly #looker: ConvexSink;
  readonly #mirrors = new Map<string, ForeseenMirror>();

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#looker = new ConvexSink(options);
  }

  mirror(table: string): ForeseenMirror {
    let mirror = this.#mirrors.get(table);
    if (mirror === undefined) this.#mirrors.set(table, (mirror = new ForeseenMirror(table, this.#looker)));
    return mirror;
  }

  /** Of one deployment: what one sink would write is seen by the others. */
  createSink(): { sink: ConvexSink; io: ForeseenIo } {
    const tables = new Map<string, DatabaseIo>();
    const io: ForeseenIo = {
      shared: noIo(),
      ofTable(table) {
        let sum = tables.get(table);
        if (sum === undefined) tables.set(table, (sum = noIo()));
        return sum;
      },
    };
    const { fetch: send = globalThis.fetch } = this.#options;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const { path, args } = JSON.parse(init?.body as string) as { path: string; args: [JSONValue] };
      const name = path.slice(path.indexOf(":") + 1);
      const isMutation = new URL(input as string | URL).pathname.endsWith("/mutation");
      if (isMutation) return succeed(await this.#answer(name, args[0], io));
      const response = await send(input, init);
      const text = await response.text();
      if (response.status === 200) await this.#readQuery(name, args[0], text, io);
      return new Response(text, response);
    };
    return { sink: new ConvexSink({ ...this.#options, fetch }), io };
  }

  async #answer(name: string, json: JSONValue, io: ForeseenIo): Promise<Value> {
    const args = json as unknown as Arguments;
    switch (name) {
      case "applyBatch": {
        const request = json as unknown as BatchRequest;
        return { ...(await foreseeBatch(this.mirror(request.table), request, io.ofTable(request.table))) };
      }
      case "rotateFence":
        changeState(this.mirror(args.table), io.ofTable(args.table), { looks: 2, isEnd: false });
        return null;
      case "beginRuns":
        return args.tables.map((table) => this.#tell(table, io.shared, { looks: 1, isEnd: false }));
      case "finishRuns":
        return args.ends.map(({ table, fence }) =>
          this.#tell(table, io.shared, { looks: fence === null ? 1 : 2, isEnd: true }),
        );
      default:
        throw new Error(`What ${name} would answer is not known.`);
    }
  }

  #tell(table: string, io: DatabaseIo, change: StateChange): { [Field in keyof RunResult]: Value } {
    const mirror = this.mirror(table);
    mirror.readCounts(io);
    changeState(mirror, io, change);
    return { table, rows: mirror.handshake?.rows ?? 0, refused: null };
  }

  async #readQuery(name: string, json: JSONValue, text: string, io: ForeseenIo): Promise<void> {
    const answer = JSON.parse(text) as { status: string; value: JSONValue };
    if (answer.status !== "success") return;
    const value: unknown = jsonToConvex(answer.value);
    const args = json as unknown as Arguments;
    const sum = name === "handshake" ? io.shared : io.ofTable(args.table);
    switch (name) {
      case "handshake":
        return this.#readHandshake(value as HandshakeResult, sum);
      case "lookupKeys":
        return readEntries((value as LookupResult).present, sum);
      case "listLedger":
        return readEntries((value as LedgerPage).entries, sum);
      case "listDocuments":
        return readDocuments((value as DocumentPage).entries, sum);
      case "listMissing":
        return this.#readMissing(this.mirror(args.table), value as MissingPage, args.limit, sum);
      default:
        throw new Error(`What ${name} costs is not known.`);
    }
  }

  async #readHandshake({ mirrors }: HandshakeResult, io: DatabaseIo): Promise<void> {
    let sampled = 0;
    let sampledTables = 0;
    for (const handshake of mirrors) {
      const mirror = this.mirror(handshake.table);
      mirror.handshake = handshake;
      mirror.hasState = handshake.state !== null;
      mirror.knownRows = handshake.rows;
      const { document, key } = mirror.state;
      if (mirror.hasState) io.bytesRead += document + key;
      mirror.readCounts(io);
      if (handshake.ledgerSample !== "empty") io.bytesRead += USUAL_ENTRY.document + USUAL_ENTRY.byKey;
      const isRead =
        handshake.ledgerSample === "present" ||
        (handshake.ledgerSample !== "unread" && !handshake.tableEmpty);
      if (!isRead || sampled >= SAMPLE_BYTES) continue;
      const bytes = sampledTables < SAMPLED_TABLES ? await mirror.documentBytes() : sampled / sampledTables;
      if (sampledTables < SAMPLED_TABLES) sampledTables += 1;
      sampled += bytes;
      io.bytesRead += bytes;
    }
  }

  async #readMissing(
    mirror: ForeseenMirror,
    { missing, after }: MissingPage,
    limit: number,
    io: DatabaseIo,
  ): Promise<void> {
    for (const key of missing) mirror.missing.add(key);
    const rows = mirror.handshake?.rows ?? 0;
    const looked = Math.max(missing.length, after === null ? rows % limit : limit);
    io.bytesRead += looked * (USUAL_ENTRY.document + USUAL_ENTRY.byKey);
    if (looked > missing.length) io.bytesRead += (looked - missing.length) * (await mirror.documentBytes());
  }
}

interface StateChange {
  /** How often it is looked up. Where it is changed, it is read once more. */
  looks: number;
  isEnd: boolean;
}

function changeState(mirror: ForeseenMirror, io: DatabaseIo, { looks, isEnd }: StateChange): void {
  const before = mirror.state;
  const after = isEnd ? endedStateBytes(mirror.table) : before;
  io.bytesWritten += after.document + after.key;
  if (mirror.hasState) io.bytesRead += looks * (before.document + before.key) + before.document;
  mirror.hasState = true;
}

function readEntries(entries: readonly { key: string; hash: string }[], io: DatabaseIo): void {
  for (const { key, hash } of entries) {
    const entry = ledgerBytes(key, hash);
    io.bytesRead += entry.document + entry.byKey;
  }
}

function readDocuments(entries: DocumentPage["entries"], io: DatabaseIo): void {
  for (const { ledger, document } of entries) {
    io.bytesRead += getDocumentSize(document as Record<string, Value>);
    if (ledger === null) continue;
    const entry = ledgerBytes(ledger.key, ledger.hash);
    io.bytesRead += entry.document + entry.byDocument;
  }
}

function succeed(value: Value): Response {
  return new Response(JSON.stringify({ status: "success", value: convexToJson(value), logLines: [] }));
}
