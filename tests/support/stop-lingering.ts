/** Stops a server whose standard error somebody else still holds when it has ended, and prints that it is stopped. */
import { launchServer } from "../../local/postgres/server-process.js";

const SERVER = `
  echo "database system is ready to accept connections" >&2
  (trap '' INT; sleep 0.2) &
  trap 'exit 0' INT
  wait`;
const server = await launchServer({
  program: "/bin/sh",
  args: ["-c", SERVER],
  folder: "/",
  owner: {},
  watchdog: { watch: () => {}, release: () => Promise.resolve() },
});
await server.stop("fast");
process.stdout.write("stopped");
