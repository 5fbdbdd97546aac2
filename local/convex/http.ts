import { timingSafeEqual, createHash } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { exportValue, readFormat, type ValueFormat } from "./value-format.js";
import type { FunctionKind } from "./call.js";
import type { LocalDeployment } from "./deployment.js";
import { BAD_ADMIN_KEY, CallRefused, ConflictError, FunctionFailed } from "./errors.js";
import { printExecution } from "./execution-log.js";
import { ConnectionCut, type FaultPoint } from "./faults.js";
import { MAX_BODY_BYTES } from "./limits.js";
import { createExchangeApi } from "./exchange/exchange-api.js";
import { createPushApi } from "./push/push-api.js";
import { readCallBody } from "./request-body.js";
import type { AtPoint, Execution } from "./runner.js";

/** As long as Convex lets `npx convex logs` wait for something to happen, about. */
const LONGEST_POLL_MS = 60_000;

type Env = { Bindings: HttpBindings };

/** Whether a header's key is the deployment's, in constant time. */
export function isAdminKey(deployment: LocalDeployment, key: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(key), digest(deployment.adminKey));
}

/** Convex's HTTP function API, the few endpoints that its CLI asks for, and the meter. */
export function createHttpApp(deployment: LocalDeployment): Hono<Env> {
  const app = new Hono<Env>();
  let calls = 0;

  app.use(
    "/api/*",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => refuse(c, new CallRefused(400, "BadJsonBody", "Failed to buffer the request body")),
    }),
  );
  app.onError((error, c) => {
    if (error instanceof CallRefused) return refuse(c, error);
    if (error instanceof ConnectionCut) return cut(c);
    const message = "Your request couldn't be completed. Try again later.";
    return refuse(c, new CallRefused(500, "InternalServerError", message));
  });

  const serveCalls = (endpoint: string, kind: FunctionKind | "any") =>
    app.post(endpoint, async (c) => {
      const admin = authenticate(deployment, c.req.header("Authorization"));
      if (kind === "any" && !admin) {
        throw new CallRefused(
          403,
          "BadDeployKey",
          "The provided deploy key was invalid for this deployment.",
        );
      }
      const { path, args, format } = readCallBody(
        c.req.header("Content-Type"),
        new Uint8Array(await c.req.arrayBuffer()),
      );
      const valueFormat = readFormat(format, c.req.header("Convex-Client"));
      const number = ++calls;
      const atPoint: AtPoint = (point, attempt = 1) =>
        injectFault(deployment, point, { number, kind: kind === "any" ? "query" : kind, path, attempt });
      await atPoint("beforeCall");
      const body = await answerOf(deployment.call(kind, path, args, { admin, atPoint }), valueFormat);
      await atPoint("beforeAnswer");
      try {
        await atPoint("midAnswer");
      } catch (error) {
        if (error instanceof ConnectionCut) return cutInTheMiddle(c, body);
        throw error;
      }
      return c.body(body, 200, { "Content-Type": "application/json" });
    });
  serveCalls("/api/query", "query");
  serveCalls("/api/mutation", "mutation");
  serveCalls("/api/action", "action");
  serveCalls("/api/function", "any");

  app.use("/api/deploy2/*", (c, next) => requireAdmin(deployment, c.req.header("Authorization"), next));
  for (const path of [
    ...["/api/get_config_hashes", "/api/update_environment_variables", "/api/v1/*"],
    ...["/api/import/*", "/api/perform_import", "/api/export/*", "/api/stream_function_logs"],
  ]) {
    app.use(path, (c, next) => requireAdmin(deployment, c.req.header("Authorization"), next));
  }
  app.route("/api", createPushApi(deployment));
  app.route("/api", createExchangeApi(deployment));
  app.get("/api/stream_function_logs", async (c) => {
    const from = Number(c.req.query("cursor") ?? 0);
    // Whoever asks for what comes next waits for it; an answer without any is asked again.
    if (from > 0 && deployment.executions.since(from).executions.length === 0)
      await Promise.race([
        deployment.executions.next(),
        deployment.clock.sleep(LONGEST_POLL_MS, c.req.raw.signal),
      ]).catch(() => {});
    const { executions, cursor } = deployment.executions.since(from);
    // Nothing happened yet: whatever does is later than now.
    const newCursor = cursor === 0 ? deployment.clock.now() : cursor;
    return c.json({ entries: executions.map(printExecution), newCursor });
  });
  app.get("/version", (c) => c.text("local"));
  app.get("/instance_name", (c) => c.text(deployment.name));
  app.get("/api/check_admin_key", (c) => {
    if (authenticate(deployment, c.req.header("Authorization"))) return c.json({ success: true });
    throw new CallRefused(401, "BadAdminKey", "An admin key is needed");
  });
  // A 404 is asked again for half a minute by the CLI, for a deployment that is new may not be reachable yet.
  app.notFound((c) => {
    const { pathname } = new URL(c.req.url);
    if (!pathname.startsWith("/api/")) return c.text("Not found", 404);
    const message = `The local deployment does not answer ${c.req.method} ${pathname}: it has functions, documents and environment variables, and nothing else.`;
    return refuse(c, new CallRefused(400, "NotSupported", message));
  });
  app.get("/_local/usage", (c) => c.json(deployment.usage()));
  app.post("/_local/usage", (c) => c.json(deployment.resetUsage()));
  return app;
}

async function requireAdmin(
  deployment: LocalDeployment,
  header: string | undefined,
  next: () => Promise<void>,
): Promise<void> {
  if (!authenticate(deployment, header)) {
    throw new CallRefused(401, "MissingDeployKey", "An admin key is needed");
  }
  await next();
}

/** Whether the caller is an admin. Throws where credentials are given but wrong. */
function authenticate(deployment: LocalDeployment, header: string | undefined): boolean {
  if (header === undefined) return false;
  const [scheme, credentials = ""] = header.split(/ (.*)/s) as [string, string?];
  if (scheme.toLowerCase() === "convex") {
    // `--identity` appends ":<attributes>"; there is no authentication here that could use them.
    if (isAdminKey(deployment, credentials.split(":")[0]!.trim())) return true;
    throw new CallRefused(401, "BadAdminKey", BAD_ADMIN_KEY);
  }
  if (scheme.toLowerCase() === "bearer") {
    throw new CallRefused(401, "NoAuthProvider", "No auth provider found matching the given token.");
  }
  throw new CallRefused(401, "InvalidAuthHeader", "Header must begin with `bearer `");
}

async function answerOf(result: Promise<Execution>, format: ValueFormat): Promise<string> {
  try {
    const { value, text } = await result;
    return `{"status":"success","value":${format === "encoded" ? text : JSON.stringify(exportValue(value, format))}}`;
  } catch (error) {
    if (!(error instanceof FunctionFailed)) throw error;
    const errorData = error.data === undefined ? {} : { errorData: exportValue(error.data, format) };
    return JSON.stringify({ status: "error", errorMessage: error.message, ...errorData });
  }
}

async function injectFault(
  deployment: LocalDeployment,
  point: FaultPoint,
  request: { number: number; kind: FunctionKind; path: string; attempt: number },
): Promise<void> {
  const fault = deployment.faults?.(point, request);
  switch (fault?.kind) {
    case undefined:
      return;
    case "delay":
      return deployment.clock.sleep(fault.delayMs);
    case "answer":
      throw new CallRefused(
        fault.status,
        fault.code,
        fault.message ?? `Injected at ${point}`,
        fault.retryAfter ?? null,
      );
    case "conflict":
      throw new ConflictError("Injected conflict");
    case "cut":
      throw new ConnectionCut();
  }
}

function refuse(c: Context, { status, code, message, retryAfter }: CallRefused): Response {
  if (retryAfter !== null) c.header("Retry-After", retryAfter);
  // Convex's own time-out comes from a layer that knows nothing of its JSON.
  return status === 408 ? c.body(null, 408) : c.json({ code, message }, status as 400);
}

function cut(c: Context<Env>): Response {
  c.env.incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}

/** Announces the whole answer, sends half of it, and cuts the connection. */
async function cutInTheMiddle(c: Context<Env>, body: string): Promise<Response> {
  const bytes = Buffer.from(body);
  const { incoming, outgoing } = c.env;
  outgoing.writeHead(200, { "Content-Type": "application/json", "Content-Length": bytes.length });
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  await new Promise<void>((resolve) => outgoing.write(half, () => resolve()));
  incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}
