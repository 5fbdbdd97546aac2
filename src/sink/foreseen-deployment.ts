import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { Usage } from "../../convex/datahubSync/protocol.js";
import type { RunResult } from "../../convex/datahubSync/runProtocol.js";
import { ConvexSink, type SinkOptions } from "./convex-sink.js";
import { foreseeBatch, type BatchRequest } from "./foresee-batch.js";
import { ForeseenMirror } from "./foreseen-mirror.js";
import { readQuery } from "./foreseen-queries.js";
import { endedStateBytes, noIo, type DatabaseIo } from "./io-estimate.js";

/** What a function answers, with what it has used. */
type Told = Record<string, unknown> & { used: Usage };

interface Answer {
  status: string;
  value: JSONValue;
}

/** Arguments of queries and mutations, as far as their I/O depends on them. */
interface Arguments {
  table: string;
  tables: string[];
  ends: { table: string; fence: JSONValue }[];
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
    if (mirror === undefined) {
      mirror = new ForeseenMirror(table, this.#looker.mirror(table));
      this.#mirrors.set(table, mirror);
    }
    return mirror;
  }

  /** @param leavesNoTrace what this sink would write is seen by none */
  createSink({ leavesNoTrace = false } = {}): ConvexSink {
    const { fetch: send = globalThis.fetch } = this.#options;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const { path, args } = JSON.parse(init?.body as string) as { path: string; args: [JSONValue] };
      const name = path.slice(path.indexOf(":") + 1);
      const io = noIo();
      const isMutation = new URL(input).pathname.endsWith("/mutation");
      if (isMutation) {
        const result = await this.#answer(name, args[0], io, leavesNoTrace);
        return succeed({ ...result, used: toUsage(io) });
      }
      const response = await send(input, init);
      const text = await response.text();
      const answer = response.status === 200 ? (JSON.parse(text) as Answer) : null;
      if (answer?.status !== "success") return new Response(text, response);
      const { used, ...result } = jsonToConvex(answer.value) as Told;
      const query = { name, args: args[0], io, mirrorOf: (of: string) => this.mirror(of) };
      const read = (await readQuery(query, result)) as Record<string, Value>;
      // Of functions of another version, which the handshake refuses, nothing is known.
      return succeed({ ...read, ...(used != null && { used: toUsage(io, used) }) });
    };
    return new ConvexSink({ ...this.#options, fetch });
  }

  async #answer(
    name: string,
    json: JSONValue,
    io: DatabaseIo,
    leavesNoTrace: boolean,
  ): Promise<Record<string, Value>> {
    const args = json as unknown as Arguments;
    switch (name) {
      case "applyBatch": {
        const request = json as unknown as BatchRequest;
        const mirror = this.mirror(request.table);
        const note: ForeseenMirror["note"] = (...written) => {
          if (!leavesNoTrace) mirror.note(...written);
        };
        return { ...(await foreseeBatch(mirror, request, { io, note })) };
      }
      case "rotateFence":
        changeState(this.mirror(args.table), io, { looks: 2, isEnd: false });
        return {};
      case "beginRuns":
        return { results: args.tables.map((table) => this.#tell(table, io, { looks: 1, isEnd: false })) };
      case "finishRuns":
        return {
          results: args.ends.map(({ table, fence }) =>
            this.#tell(table, io, { looks: fence === null ? 1 : 2, isEnd: true }),
          ),
        };
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
}

function toUsage(io: DatabaseIo, told = { read: 0, written: 0 }): NonNullable<Usage> {
  return {
    read: Math.round(told.read + io.bytesRead),
    written: Math.round(told.written + io.bytesWritten),
  };
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

function succeed(value: Value): Response {
  return new Response(JSON.stringify({ status: "success", value: convexToJson(value), logLines: [] }));
}
