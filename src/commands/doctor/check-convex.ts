import type { HandshakeResult } from "../../../convex/datahubSync/stateProtocol.js";
import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import type { ConvexSink } from "../../sink/convex-sink.js";
import { good, type Checks } from "./check.js";

/** Whether the deployment answers, its functions are ours, and it takes the key. @returns null where not */
export function checkDeployment(
  checks: Checks,
  sink: ConvexSink,
  { config, clock, signal }: { config: SyncConfig; clock: Clock; signal: AbortSignal },
): Promise<HandshakeResult | null> {
  return checks.look("convex", "deployment", async () => {
    const before = clock.now();
    const value = await sink.handshake(
      config.mirrors.map(({ name }) => name),
      { signal },
    );
    const took = clock.now() - before;
    return {
      finding: good(
        `${sink.host} answers in ${took} ms, its functions speak version ${value.protocol} of the protocol, the sync key is accepted`,
      ),
      value,
    };
  });
}
