import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";

/**
 * Ends the watched processes and removes the folder once standard input closes: when told to, and also
 * when the Node process that holds the other end has died of anything, SIGKILL included.
 * Each line names a signal and the process group to send it to then; an empty line means nobody.
 * The server has ended when its lock file is gone. Its process may linger as a zombie: its parent died.
 */
const SCRIPT = `
folder=$1
while read -r next_signal next_group; do signal=$next_signal group=$next_group; done
if [ -n "$group" ] && kill -s "$signal" -- "-$group" 2>/dev/null; then
  tries=0
  while [ "$signal" = QUIT ] && [ -e "$folder/data/postmaster.pid" ] && [ $tries -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  kill -s KILL -- "-$group" 2>/dev/null
fi
rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }
`;

/** Process group to end if this process dies. QUIT is the server's orderly crash and is waited for. */
export interface Watched {
  processGroup: number;
  signal: "QUIT" | "KILL";
}

export interface Watchdog {
  /** Replaces what was watched before; undefined is nobody. */
  watch(watched: Watched | undefined): void;
  /** Ends whom it watches, and removes the folder. Resolves when both are gone. */
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
    watch: (watched) => void input.write(watched ? `${watched.signal} ${watched.processGroup}\n` : "\n"),
    async release() {
      shell.ref();
      input.end();
      await exited;
    },
  };
}
