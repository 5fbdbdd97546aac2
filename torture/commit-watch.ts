import type { LocalDeployment } from "../local/convex/deployment.js";
import { ledgerNumber } from "../local/oracle/ledger-number.js";

interface Entry {
  hash: string;
  document: string;
  /** The document as JSON text, or what was wrong with it. */
  content: string;
}

/** What happened to the document of one key. */
export interface KeyHistory {
  writes: number;
  deletions: number;
}

/**
 * Follows every commit of a deployment: what each did to the ledger and to the documents that it names. After every
 * commit, not only at the end, there is a document for each ledger entry and no other, and a ledger entry changes only
 * together with its document's content, or with the shape of the table.
 */
export class CommitWatch {
  readonly failures: string[] = [];
  readonly histories = new Map<string, KeyHistory>();
  /** Whether hashes may change while the content does not: of tables that got another shape. */
  mayRehash = false;
  #known = new Map<string, Entry>();
  /** Names of the mirrors, by what the ledger calls them. */
  readonly #names: ReadonlyMap<number, string>;

  constructor(
    private readonly deployment: LocalDeployment,
    private readonly mirrors: readonly string[],
  ) {
    this.#names = new Map(mirrors.map((mirror) => [ledgerNumber(mirror), mirror]));
    deployment.onCommit(() => this.#follow());
  }

  /** The history of a mirror's key. */
  history(mirror: string, key: string): KeyHistory {
    const name = `${mirror} ${key}`;
    let history = this.histories.get(name);
    if (history === undefined) this.histories.set(name, (history = { writes: 0, deletions: 0 }));
    return history;
  }

  #follow(): void {
    const now = new Map<string, Entry>();
    const counts = new Map<string, number>();
    for (const entry of this.deployment.tableDocuments("datahubSyncLedger")) {
      const mirror = this.#names.get(entry["m"] as number) ?? `mirror ${entry["m"] as number}`;
      const key = entry["k"] as string;
      const name = `${mirror} ${key}`;
      const before = this.#known.get(name);
      const hash = entry["h"] as string;
      const document = entry["d"] as string;
      if (now.has(name)) this.#fail(mirror, key, "has two ledger entries");
      counts.set(mirror, (counts.get(mirror) ?? 0) + 1);
      if (before?.hash === hash && before.document === document) {
        now.set(name, before);
        continue;
      }
      const content = this.#contentOf(document);
      if (content === null) this.#fail(mirror, key, "names a document that does not exist");
      if (before?.content === content && !this.mayRehash)
        this.#fail(mirror, key, `was written though it had not changed: ${content}`);
      this.history(mirror, key).writes++;
      now.set(name, { hash, document, content: content ?? "" });
    }
    for (const name of this.#known.keys()) {
      if (now.has(name)) continue;
      const [mirror = "", key = ""] = name.split(/ (.*)/s);
      this.history(mirror, key).deletions++;
    }
    for (const mirror of this.mirrors) {
      const documents = this.deployment.tableSize(mirror);
      const entries = counts.get(mirror) ?? 0;
      if (documents !== entries)
        this.#fail(mirror, "(all)", `${documents} documents, ${entries} ledger entries`);
    }
    this.#known = now;
  }

  #contentOf(document: string): string | null {
    const value = this.deployment.get(document);
    if (value === null) return null;
    const { _id, _creationTime, ...fields } = value;
    return JSON.stringify(fields, (_, item: unknown) =>
      typeof item === "bigint"
        ? `${item}n`
        : item instanceof ArrayBuffer
          ? Buffer.from(item).toString("hex")
          : typeof item === "number" && (Object.is(item, -0) || !Number.isFinite(item))
            ? `number ${Object.is(item, -0) ? "-0" : item}`
            : item,
    );
  }

  #fail(mirror: string, key: string, what: string): void {
    // The first few say it all, and every later commit would repeat them.
    if (this.failures.length < 20) this.failures.push(`after a commit: ${mirror} ${key} ${what}`);
  }
}
