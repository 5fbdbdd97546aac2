import postgres from "postgres";

/** What an owner's session did not get done, and what it then had to hear. */
export interface Refusal {
  statement: string;
  code: string;
  message: string;
}

/** Longest time that a statement of an owner's may wait for others; a run that mends waits a fifth of it. */
const PATIENCE_MS = 1_000;

/**
 * An owner's sessions, each of which writes in its own way, one statement after the other, until they are stopped.
 * A statement that waits for longer than a second fails, and so is noted like any other that fails.
 */
export class OwnersWriters {
  readonly refusals: Refusal[] = [];
  /** How often each session has gone through all it does. */
  readonly rounds: number[];
  readonly #sessions: postgres.Sql[];
  readonly #done: Promise<unknown>;
  #stopping = false;

  /** @param sessions for each, the statements of a round; `#` stands for the number of the round */
  constructor(url: string, sessions: readonly (readonly string[])[]) {
    this.rounds = sessions.map(() => 0);
    this.#sessions = sessions.map(() =>
      postgres(url, { max: 1, onnotice: () => {}, connection: { lock_timeout: PATIENCE_MS } }),
    );
    this.#done = Promise.all(sessions.map((statements, index) => this.#write(index, statements)));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
    await Promise.all(this.#sessions.map((sql) => sql.end()));
  }

  async #write(index: number, statements: readonly string[]): Promise<void> {
    for (let round = 1; !this.#stopping; round++) {
      for (const statement of statements) {
        await this.#run(this.#sessions[index]!, statement.replaceAll("#", String(round)));
      }
      this.rounds[index] = round;
    }
  }

  async #run(sql: postgres.Sql, statement: string): Promise<void> {
    try {
      await sql.unsafe(statement);
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      this.refusals.push({ statement, code: error.code, message: error.message });
    }
  }
}
