import { refusal } from "./errors.js";

// Convex's V8 runtime has these globals; declared here so that a type-check of this folder alone needs
// neither Node's types nor the DOM's, and nothing else of theirs slips in.
declare const process: { env: Record<string, string | undefined> };
declare const crypto: { subtle: { digest(algorithm: "SHA-256", data: Uint8Array): Promise<ArrayBuffer> } };
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/** Anybody can call a public function as often as they like: a shorter key could be found by trying. */
const SHORTEST_KEY = 12;

/**
 * Refuses a caller whose key is not the deployment's `CONVEX_SYNC_AUTH_KEY` (invariant 11). Digests are
 * compared, not the keys: they have one length, and where two of them first differ says nothing about the
 * key.
 */
export async function requireSyncKey(presented: string): Promise<void> {
  const expected = process.env["CONVEX_SYNC_AUTH_KEY"];
  if (expected === undefined || expected.length < SHORTEST_KEY) {
    throw refusal(
      "SYNC_KEY_UNSET",
      `CONVEX_SYNC_AUTH_KEY is not set in this deployment's environment, or has fewer than ${SHORTEST_KEY} characters.`,
    );
  }
  const [a, b] = await Promise.all([sha256(presented), sha256(expected)]);
  if (!equalInConstantTime(a, b)) {
    throw refusal("WRONG_SYNC_KEY", "The sync key is not this deployment's CONVEX_SYNC_AUTH_KEY.");
  }
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
