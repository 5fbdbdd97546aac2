// The transport loads these when it is made. A virtual clock sees no file being read, so they are there before.
import "convex/browser";
import "convex/server";

/** An answer of the deployment: a response, a broken connection (an error), or none until the call is aborted. */
export type ScriptedAnswer = Response | Error | "hang" | ((request: ScriptedRequest) => Response);

export interface ScriptedRequest {
  url: string;
  init: RequestInit;
  /** The body as text, and what it says. */
  text: string;
  body: { path: string; args: [Record<string, unknown>]; format: string };
}

/** A `fetch` that gives the answers in turn, the last one again and again, and keeps what it was asked. */
export function scriptFetch(...answers: ScriptedAnswer[]) {
  const requests: ScriptedRequest[] = [];
  const fetch = ((input: string, init: RequestInit) => {
    const text = init.body as string;
    const request = { url: input, init, text, body: JSON.parse(text) as ScriptedRequest["body"] };
    requests.push(request);
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    if (answer === undefined) throw new Error("No answer is scripted.");
    if (answer === "hang") return waitForAbort(init.signal!);
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(typeof answer === "function" ? answer(request) : answer.clone());
  }) as typeof globalThis.fetch;
  return { fetch, requests };
}

export function success(value: unknown): Response {
  return Response.json({ status: "success", value, logLines: [] });
}

/** A function that failed: production's redacted message, or a ConvexError's data. */
export function functionFailure(errorData?: unknown, errorMessage = "[Request ID: 1f2e3d4c] Server Error") {
  return Response.json({
    status: "error",
    errorMessage,
    ...(errorData === undefined ? {} : { errorData }),
    logLines: [],
  });
}

export function httpFailure(status: number, code?: string, headers: Record<string, string> = {}): Response {
  const body =
    code === undefined ? "<html>sorry</html>" : JSON.stringify({ code, message: "quoted arguments" });
  return new Response(body, { status, headers });
}

/** What the built-in `fetch` throws when a socket fails. */
export function socketFailure(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error("socket"), { code }) });
}

function waitForAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
  });
}
