import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";

/**
 * Ends the watched process and removes the folder once standard input closes: when told to, and also
 * when the Node process that holds the other end has died of anything, SIGKILL included.
 * Each line names the process group to end then; an empty line means none.
 */
const SCRIPT = `
while read -r line; do group=$line; done
if [ -n "$group" ] && kill -s QUIT -- "-$group" 2>/dev/null; then
  tries=0
  while [ $tries -lt 50 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- "-$group" 2>/dev/null
fi
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`;

export interface Watchdog {
  /** The process group to end if this process dies, in place of the one named before. */
  watch(processGroup: number | undefined): void;
  /** Ends the watched group, if any, and removes the folder. Resolves when both are gone. */
  release(): Promise<void>;
}

/** Guards `folder` from now on. */
export function startWatchdog(folder: string): Watchdog {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "datahub-sync-watchdog", folder], {
    cwd: "/",
    // A session of its own: Ctrl-C at the terminal must not end the watchdog with its parent.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const input = shell.stdin as Socket;
  input.on("error", () => {}); // a watchdog killed by hand costs the safety net, not the run
  shell.unref();
  input.unref();
  const exited = once(shell, "exit");
  exited.catch(() => {});

  return {
    watch: (processGroup) => void input.write(`${processGroup ?? ""}\n`),
    async release() {
      shell.ref();
      input.end();
      await exited;
    },
  };
}
