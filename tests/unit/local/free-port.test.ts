import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { launchOnFreePort } from "../../../local/postgres/free-port.js";

async function listen(port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
}

test("a port that somebody else took meanwhile is replaced by another one", async () => {
  const tried: number[] = [];
  const { server, port } = await launchOnFreePort(async (port) => {
    tried.push(port);
    await listen(port);
    if (tried.length < 3) throw new Error("Address already in use");
    return "started";
  });
  expect(server).toBe("started");
  expect(port).toBe(tried[2]);
  expect(new Set(tried).size).toBe(3);
});

test("a launch that fails on a free port is not repeated", async () => {
  let tried = 0;
  const launch = () => {
    tried += 1;
    return Promise.reject(new Error("out of memory"));
  };
  await expect(launchOnFreePort(launch)).rejects.toThrow("out of memory");
  expect(tried).toBe(1);
});

test("when every port is taken it gives up", async () => {
  let tried = 0;
  const launch = async (port: number) => {
    tried += 1;
    await listen(port);
    throw new Error("Address already in use");
  };
  await expect(launchOnFreePort(launch)).rejects.toThrow("Address already in use");
  expect(tried).toBe(10);
});
