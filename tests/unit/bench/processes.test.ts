import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { runNode } from "../../../bench/measured-process.js";
import { DistantPort } from "../../support/distant-port.js";

const options = { folder: tmpdir(), environment: {} };

it("a process tells what it used, from within", async () => {
  const program = `const kept = Buffer.alloc(200 * 1024 * 1024, 1);
    const { user, system } = process.cpuUsage(); console.log(kept.length > 0 ? (user + system) / 1000 : 0);`;
  const { stdout, cpuMs, peakBytes } = await runNode(["--eval", program], options);
  expect(cpuMs).toBeGreaterThanOrEqual(Number(stdout));
  expect(peakBytes).toBeGreaterThan(200 * 1024 * 1024);
});

it("a process does not count the memory of the one that started it", async () => {
  const kept = Buffer.alloc(400 * 1024 * 1024, 1);
  const { peakBytes } = await runNode(["--eval", ""], options);
  expect(peakBytes).toBeLessThan(kept.length / 2);
});

it("a process that fails is told with what it said", async () => {
  const program = ["--eval", "console.error('no such table'); process.exitCode = 3"];
  await expect(runNode(program, options)).rejects.toThrow(/ended with 3:\nno such table/);
  await expect(runNode(program, { ...options, allowed: [0, 3] })).resolves.toMatchObject({ stdout: "" });
});

it("a port counts what passes in each direction", async () => {
  const server = createServer((socket) => socket.on("data", () => socket.end("an answer")));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const port = await DistantPort.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const client = connect(Number(new URL(port.url).port), "127.0.0.1");
  client.write("asked");
  client.resume();
  await once(client, "end");
  expect(port).toMatchObject({ bytesSent: 5, bytesReceived: 9, turns: 1 });
  await port.close();
  server.close();
});
