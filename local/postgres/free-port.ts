import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Another process may take a port between our looking for it and the server's listening on it. */
const MAX_PORTS_TRIED = 10;

/**
 * Launches something on a free port of 127.0.0.1, and on another one if the port was taken meanwhile.
 *
 * @throws what `launch` threw, if the port is not to blame.
 */
export async function launchOnFreePort<Server>(
  launch: (port: number) => Promise<Server>,
): Promise<{ server: Server; port: number }> {
  for (let tried = 1; ; tried++) {
    const port = await findFreePort();
    try {
      return { server: await launch(port), port };
    } catch (error) {
      if (tried === MAX_PORTS_TRIED || (await isPortFree(port))) throw error;
    }
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  await once(server.close(), "close");
  return true;
}
