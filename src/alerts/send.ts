import type { Clock } from "../model/clock.js";
import type { Secret } from "../model/secret.js";

/** How long a receiver may take. A run is not kept waiting for more than two of these. */
const RECEIVER_TIMEOUT_MS = 10_000;

const PAUSE_MS = 1_000;

/** What became of a message. */
export type Delivery =
  | { ok: true; status: number }
  /** @property isPassing it may be otherwise a moment later */
  | { ok: false; reason: string; isPassing: boolean };

export interface Message {
  url: Secret;
  /** JSON to post, or a text; null: nothing, by GET. */
  body: object | string | null;
}

/**
 * Sends a message, and once more where the receiver could not be reached or was not well. Never throws: nobody's run fails because
 * nobody listens.
 */
export async function send(
  message: Message,
  clock: Clock,
  timeoutMs = RECEIVER_TIMEOUT_MS,
): Promise<Delivery> {
  const first = await attempt(message, timeoutMs);
  const isPassing = !first.ok && first.isPassing;
  if (!isPassing) return first;
  await clock.sleep(PAUSE_MS);
  return attempt(message, timeoutMs);
}

async function attempt({ url, body }: Message, timeoutMs: number): Promise<Delivery> {
  const isJson = typeof body === "object" && body !== null;
  try {
    const response = await fetch(url.reveal(), {
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== null && { method: "POST", body: isJson ? JSON.stringify(body) : body }),
      headers: {
        "user-agent": "datahub-sync",
        ...(body !== null && { "content-type": isJson ? "application/json" : "text/plain; charset=utf-8" }),
      },
    });
    await response.body?.cancel();
    const { ok, status } = response;
    if (ok) return { ok, status };
    return { ok, reason: `it answered ${status}`, isPassing: status >= 500 || status === 429 };
  } catch (error) {
    return { ok: false, reason: explain(error, timeoutMs), isPassing: true };
  }
}

/** What Node says of a failed request may quote its address. */
function explain(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === "TimeoutError") return `it did not answer within ${timeoutMs / 1000} s`;
  return `it could not be reached (${cause?.code ?? name ?? "unknown"})`;
}
