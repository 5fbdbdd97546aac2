import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * A port in front of a server that is far away: what is said takes half a round trip in each direction. It counts the
 * turns: how often one side waited for the other's answer before it went on.
 */
export class DistantPort {
  /** Questions that were asked after an answer to the one before, over all connections; the making of each is one. */
  turns = 0;
  connections = 0;

  readonly #server = createServer((client) => this.#accept(client));
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly target: URL,
    private readonly roundTripMs: number,
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
    this.turns += 1;
    this.connections += 1;
    const server = connect(Number(this.target.port), this.target.hostname);
    let isAsking = false;
    this.#pass(client, server, () => {
      if (!isAsking) this.turns += 1;
      isAsking = true;
    });
    this.#pass(server, client, () => (isAsking = false));
  }

  /** In order, each piece half a round trip late; the end too. */
  #pass(from: Socket, to: Socket, onData: () => void): void {
    const delayMs = this.roundTripMs / 2;
    const later = (act: () => void) => void (delayMs === 0 ? act() : setTimeout(act, delayMs));
    this.#sockets.add(from.setNoDelay(true));
    from.on("data", (data) => {
      onData();
      later(() => to.destroyed || to.write(data));
    });
    from.on("end", () => later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      later(() => to.destroy());
    });
  }
}
