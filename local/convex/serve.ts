import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve, upgradeWebSocket, type WebSocketServerLike } from "@hono/node-server";
import { WebSocketServer } from "ws";
import type { LocalDeployment } from "./deployment.js";
import { createHttpApp } from "./http.js";
import { SyncSession } from "./sync-session.js";

export interface ServedDeployment {
  /** Without a slash at its end: what CONVEX_URL is set to. */
  url: string;
  port: number;
  /** Cuts open connections and frees the port. */
  close(): Promise<void>;
}

/** Serves a deployment on a port of this machine; port 0 takes a free one. */
export async function serveLocalDeployment(
  deployment: LocalDeployment,
  { port = 0, host = "127.0.0.1" }: { port?: number; host?: string } = {},
): Promise<ServedDeployment> {
  const app = createHttpApp(deployment);
  app.get(
    "/api/:version/sync",
    upgradeWebSocket(() => {
      let session: SyncSession | null = null;
      return {
        onOpen: (_, socket) => {
          session = new SyncSession(
            deployment,
            (message) => socket.send(message),
            () => socket.close(),
          );
        },
        onMessage: ({ data }: { data: unknown }) => session?.receive(String(data)),
        onClose: () => session?.close(),
      };
    }),
  );
  // The types of `ws` allow undefined where hono's do not, which only exactOptionalPropertyTypes minds.
  const sockets = new WebSocketServer({ noServer: true });
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve(
      {
        fetch: app.fetch,
        port,
        hostname: host,
        websocket: { server: sockets as unknown as WebSocketServerLike },
      },
      () => {
        starting.off("error", reject);
        resolve(starting as Server);
      },
    );
    starting.once("error", reject);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve, reject) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
