import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  method: string;
  path: string;
  body: string;
}

/** How a receiver answers: a status, or as it likes. */
type Answer = number | ((response: ServerResponse, request: IncomingMessage) => void);

/** A monitor or a chat, which remembers what it was told. */
export async function startReceiver(answers: Record<string, Answer | Answer[]> = {}) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const path = request.url ?? "";
      received.push({ method: request.method ?? "", path, body });
      const answer = answers[path];
      const now = Array.isArray(answer) ? (answer.length > 1 ? answer.shift() : answer[0]) : answer;
      if (typeof now === "function") now(response, request);
      else response.writeHead(now ?? 200).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, received, take: () => received.splice(0).map(({ method, path }) => `${method} ${path}`) };
}
