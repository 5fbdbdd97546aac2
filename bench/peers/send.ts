import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference, type DefaultFunctionArgs } from "convex/server";
import { toDocument } from "./to-document.js";

/** Rows of a mutation. */
const BATCH_ROWS = 100;
/** Rows that are fetched from Postgres at once. */
export const PAGE_ROWS = 1_000;

const upsert = makeFunctionReference<"mutation", DefaultFunctionArgs, null>("peers:upsert");

/** Sends rows to Convex in mutations of 100, one after the other, as the official client does it by itself. */
export class Sender {
  readonly #client: ConvexHttpClient;

  constructor(url: string) {
    this.#client = new ConvexHttpClient(url, { skipConvexDeploymentUrlCheck: true });
  }

  async send(table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
    for (let from = 0; from < rows.length; from += BATCH_ROWS) {
      const batch = rows.slice(from, from + BATCH_ROWS).map(toDocument);
      await this.#client.mutation(upsert, { table, rows: batch });
    }
  }
}
