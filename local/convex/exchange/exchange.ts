import type { Clock } from "../../../src/model/clock.js";
import type { Store } from "../store.js";
import { exportTables } from "./export-tables.js";
import { ImportFailed } from "./import-failed.js";
import {
  performImport,
  planImport,
  type DocumentTypes,
  type ImportMode,
  type ImportPlan,
} from "./import-tables.js";
import { readTables, type ImportFormat } from "./read-tables.js";

export interface ImportRequest {
  /** Of a file that holds one table. */
  tableName?: string | null | undefined;
  mode: ImportMode;
  format: ImportFormat;
}

/** As `npx convex import` is told of it. */
type ImportState =
  | { state: "waiting_for_confirmation"; message_to_confirm: string; require_manual_confirmation: boolean }
  | { state: "completed"; num_rows_written: bigint }
  | { state: "failed"; error_message: string };

/** Files that come in and go out: `npx convex import` and `export`. Each step is done when it is answered. */
export class Exchange {
  readonly #uploads = new Map<string, Map<number, Uint8Array>>();
  readonly #imports = new Map<string, { plan: ImportPlan | null; state: ImportState }>();
  #latestExport: { at: bigint; zip: Uint8Array } | null = null;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly known: () => DocumentTypes,
  ) {}

  startUpload(): string {
    const token = this.clock.uuid();
    this.#uploads.set(token, new Map());
    return token;
  }

  /** @returns false where there is no such upload */
  uploadPart(token: string, part: number, bytes: Uint8Array): boolean {
    return this.#uploads.get(token)?.set(part, bytes) !== undefined;
  }

  /** @returns the import's id, or null where there is no such upload */
  finishUpload(token: string, { tableName, mode, format }: ImportRequest): string | null {
    const parts = this.#uploads.get(token);
    if (parts === undefined) return null;
    this.#uploads.delete(token);
    const file = Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes));
    const id = this.clock.uuid();
    this.#imports.set(
      id,
      failing(() => {
        const plan = planImport(this.store, readTables(file, format, tableName), mode);
        return { plan, state: confirmation(plan) };
      }),
    );
    return id;
  }

  /** @returns false where there is no such import */
  perform(id: string): boolean {
    const planned = this.#imports.get(id);
    if (planned?.plan == null) return planned !== undefined;
    const { plan } = planned;
    this.#imports.set(
      id,
      failing(() => {
        const rows = performImport(this.store, plan, this.known());
        return { plan: null, state: { state: "completed", num_rows_written: BigInt(rows) } };
      }),
    );
    return true;
  }

  importState(id: string): ImportState | null {
    return this.#imports.get(id)?.state ?? null;
  }

  export(): void {
    this.#latestExport = { at: BigInt(this.clock.now()), zip: exportTables(this.store) };
  }

  latestExportAt(): bigint | null {
    return this.#latestExport?.at ?? null;
  }

  exported(at: bigint): Uint8Array | null {
    return this.#latestExport?.at === at ? this.#latestExport.zip : null;
  }
}

function failing(work: () => { plan: ImportPlan | null; state: ImportState }) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ImportFailed)) throw error;
    return { plan: null, state: { state: "failed" as const, error_message: error.message } };
  }
}

function confirmation({ files, deleted }: ImportPlan): ImportState {
  const added = new Map(files.map(({ name, documents }) => [name, documents.length]));
  const lines = [...new Set([...added.keys(), ...deleted.keys()])].map(
    (name) => `${name}: ${added.get(name) ?? 0} to add, ${deleted.get(name) ?? 0} to delete`,
  );
  return {
    state: "waiting_for_confirmation",
    message_to_confirm: `Import:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    require_manual_confirmation: deleted.size > 0,
  };
}
