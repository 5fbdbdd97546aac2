import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * A port in front of a server that is far away: what is said takes half a round trip in each direction. It counts the
 * turns: how often one side waited for the other's answer before it went on.
 */
export class DistantPort {
  /** Questions that were asked after an answer to the one before, over all connections. */
  turns = 0;
  connections = 0;
  /** To the server, and from it. */
  bytesSent = 0;
  bytesReceived = 0;

  readonly #server = createServer((client) => this.#accept(client));
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly target: URL,
    /** From the next byte on. */
    public roundTripMs: number,
  ) {}

  static async open(url: string, roundTripMs = 0): Promise<DistantPort> {
    const port = new DistantPort(new URL(url), roundTripMs);
    await once(port.#server.listen(0, "127.0.0.1"), "listening");
    return port;
  }

  /** The URL of the server behind it, with this port. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = "127.0.0.1";
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href.replace(/\/$/, "");
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), "close");
  }

  #accept(client: Socket): void {
    this.connections += 1;
    const server = connect(Number(this.target.port), this.target.hostname);
    let isAsking = false;
    // A connection is a round trip of its own before the first byte.
    let arrivesAt = performance.now() + this.roundTripMs;
    this.#pass(client, server, (bytes) => {
      this.bytesSent += bytes;
      if (!isAsking) this.turns += 1;
      isAsking = true;
      const waitMs = Math.max(0, arrivesAt - performance.now());
      arrivesAt = 0;
      return waitMs;
    });
    this.#pass(server, client, (bytes) => {
      this.bytesReceived += bytes;
      isAsking = false;
      return 0;
    });
  }

  /**
   * In order, each piece half a round trip late; the end too.
   * @param onData says how much later than that
   */
  #pass(from: Socket, to: Socket, onData: (bytes: number) => number): void {
    // Timers alone may fire in another order than they were set in.
    const waiting: (() => void)[] = [];
    let dueAt = 0;
    const later = (act: () => void, extraMs = 0) => {
      if (this.roundTripMs === 0) return act();
      dueAt = Math.max(dueAt, performance.now() + this.roundTripMs / 2 + extraMs);
      waiting.push(act);
      setTimeout(() => waiting.shift()!(), dueAt - performance.now());
    };
    this.#sockets.add(from.setNoDelay(true));
    from.on("data", (data) => {
      const extraMs = onData(data.length);
      later(() => void (to.destroyed || to.write(data)), extraMs);
    });
    from.on("end", () => later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      later(() => to.destroy());
    });
  }
}
