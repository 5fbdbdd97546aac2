import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context } from "hono";
import type { LocalDeployment } from "../deployment.js";
import { CallRefused, DeployRefused } from "../errors.js";
import { Pusher } from "./pusher.js";
import { environmentChanges, finishPush, readBody, readStartPush, waitForSchema } from "./push-request.js";

type Env = { Bindings: HttpBindings };

/** The endpoints of `npx convex deploy`, `dev` and `env`. All are for the admin, whom the caller has recognised. */
export function createPushApi(deployment: LocalDeployment): Hono<Env> {
  const app = new Hono<Env>();
  const pusher = new Pusher(deployment);
  const bodyOf = async (c: Context<Env>) =>
    readBody(new Uint8Array(await c.req.arrayBuffer()), c.req.header("Content-Encoding"));

  app.post("/get_config_hashes", (c) => c.json(pusher.config));
  app.post("/deploy2/start_push", async (c) =>
    c.json(await refusing(async () => pusher.start(readStartPush(await bodyOf(c))))),
  );
  app.post("/deploy2/evaluate_push", async (c) =>
    c.json(await refusing(async () => pusher.evaluate(readStartPush(await bodyOf(c))))),
  );
  app.post("/deploy2/evaluate_schema", () => {
    throw new CallRefused(
      400,
      "NotSupported",
      "The local deployment does not predict what a schema would cost.",
    );
  });
  app.post("/deploy2/wait_for_schema", async (c) => {
    const { schemaChange } = waitForSchema.parse(await bodyOf(c));
    return c.json(pusher.validate(schemaChange.push));
  });
  app.post("/deploy2/finish_push", async (c) => {
    const { startPush, dryRun } = finishPush.parse(await bodyOf(c));
    return c.json(await refusing(() => pusher.finish(startPush.schemaChange.push, { dryRun })));
  });
  app.post("/deploy2/report_push_completed", (c) => c.json(null));
  app.get("/v1/get_canonical_urls", (c) => {
    const { origin } = new URL(c.req.url);
    return c.json({ convexCloudUrl: origin, convexSiteUrl: origin });
  });
  app.post("/update_environment_variables", async (c) => {
    const { changes } = environmentChanges.parse(await bodyOf(c));
    for (const { name, value } of changes) deployment.setEnv(name, value ?? null);
    return c.json(null);
  });
  return app;
}

/** What the CLI shows as it is, and does not ask for again. */
async function refusing<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DeployRefused)) throw error;
    throw new CallRefused(400, "PushRefused", error.message);
  }
}
