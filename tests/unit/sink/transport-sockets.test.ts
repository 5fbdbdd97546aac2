import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/model/clock.js";
import { ConvexTransport, nothingMetered } from "../../../src/sink/convex-transport.js";

describe("over a real connection", () => {
  const meter = nothingMetered();
  let server: Server | undefined;
  afterEach(() => void server?.close());

  /** A deployment that does this with each request. */
  async function serve(handler: Parameters<typeof createServer>[1]): Promise<ConvexTransport> {
    server = createServer(handler);
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return new ConvexTransport({
      url: `http://127.0.0.1:${port}`,
      syncKey: "a key for tests",
      clock: systemClock,
    });
  }

  test("a connection cut before the answer", async () => {
    const transport = await serve((request) => request.socket.destroy());
    await expect(transport.query("handshake", {}, { meter })).rejects.toMatchObject({
      kind: "network",
    });
  });

  test("a connection cut in the middle of the answer", async () => {
    const transport = await serve((request, response) => {
      response.writeHead(200, { "content-length": 1_000 });
      response.write('{"status":"success",');
      request.resume().on("end", () => response.destroy());
    });
    await expect(transport.query("handshake", {}, { meter })).rejects.toMatchObject({
      kind: "network",
    });
  });

  test("nobody listens", async () => {
    const transport = await serve(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    await expect(transport.query("handshake", {}, { meter })).rejects.toMatchObject({
      kind: "network",
      code: "ECONNREFUSED",
    });
  });

  test("a redirect is not followed: it would hand the key to another host", async () => {
    const paths: (string | undefined)[] = [];
    const transport = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    await expect(transport.query("handshake", {}, { meter })).rejects.toMatchObject({
      kind: "http",
      status: 307,
    });
    expect(paths).toEqual(["/api/query"]);
  });
});
