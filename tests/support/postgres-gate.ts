import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * A port in front of a Postgres, through which everything passes until it is told otherwise.
 * `slammed`: each connection is closed before a byte was said, as by the port of a container whose server is down.
 * A SQLSTATE: each connection is refused with it, as by a server that starts up (57P03) or ends.
 */
export class PostgresGate {
  state: "open" | "slammed" | `57P0${1 | 2 | 3}` = "open";
  /** Connections that were made to the gate. */
  connections = 0;
  /** Answers that the server gave and nobody received. */
  lost = 0;

  readonly #server = createServer((client) => this.#accept(client));
  readonly #sockets = new Set<Socket>();
  #losesNext = false;
  #port = 0;

  private constructor(private readonly target: URL) {}

  static async open(url: string): Promise<PostgresGate> {
    const gate = new PostgresGate(new URL(url));
    await once(gate.#server.listen(0, "127.0.0.1"), "listening");
    return gate;
  }

  /** As the connection string of the Postgres behind it. */
  get url(): string {
    const url = new URL(this.target);
    url.port = String(this.listening ? this.#address() : this.#port);
    return url.href;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Nobody listens on the port until it is opened again. */
  async shut(): Promise<void> {
    this.#port = this.#address();
    this.cut();
    await once(this.#server.close(), "close");
  }

  async reopen(): Promise<void> {
    await once(this.#server.listen(this.#port, "127.0.0.1"), "listening");
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The next statement is carried out and committed; then its connection breaks instead of the answer's arriving. */
  loseNextAnswer(): void {
    this.#losesNext = true;
  }

  async close(): Promise<void> {
    if (this.listening) await this.shut();
  }

  #address(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket): void {
    this.connections++;
    this.#keep(client);
    if (this.state === "slammed") {
      client.end();
      return;
    }
    if (this.state !== "open") {
      const refusal = fatalError(this.state);
      client.once("data", () => client.end(refusal));
      return;
    }
    const server = this.#keep(connect(Number(this.target.port), this.target.hostname));
    let loggedIn = false;
    client.on("data", (bytes) => server.write(bytes)).on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    server.on("data", (bytes) => {
      const ready = endsWithReadyForQuery(bytes);
      if (ready && loggedIn && this.#losesNext) {
        this.#losesNext = false;
        this.lost++;
        client.destroy();
        return;
      }
      loggedIn ||= ready;
      client.write(bytes);
    });
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    // A broken connection is what this is for; "close" follows.
    return socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }
}

/** Ready for a query, outside of a transaction: the message that ends an answer. */
function endsWithReadyForQuery(bytes: Buffer): boolean {
  return bytes.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]));
}

/** The message with which a server ends a connection. */
function fatalError(code: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mno connection now\0\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + fields.length);
  return Buffer.concat([Buffer.from("E"), length, fields]);
}
