import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { z } from "zod";
import type { LocalDeployment } from "../deployment.js";
import { CallRefused } from "../errors.js";

type Env = { Bindings: HttpBindings };

const finishUpload = z.object({
  uploadToken: z.string(),
  import: z.object({
    tableName: z.string().nullish(),
    componentPath: z.string().nullish(),
    mode: z.enum(["requireEmpty", "append", "replace", "replaceAll"]),
    format: z.enum(["csv", "jsonLines", "jsonArray", "zip"]),
  }),
});

const unknown = (what: string) => new CallRefused(400, "BadRequest", `There is no such ${what}.`);

/** The endpoints of `npx convex import` and `export`. All are for the admin, whom the caller has recognised. */
export function createExchangeApi({ exchange }: LocalDeployment): Hono<Env> {
  const app = new Hono<Env>();

  app.post("/import/start_upload", (c) => c.json({ uploadToken: exchange.startUpload() }));
  app.post("/import/upload_part", async (c) => {
    const { uploadToken = "", partNumber } = c.req.query();
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    if (!exchange.uploadPart(uploadToken, Number(partNumber), bytes)) throw unknown("upload");
    return c.json(partNumber);
  });
  app.post("/import/finish_upload", async (c) => {
    const { uploadToken, import: request } = finishUpload.parse(await c.req.json());
    if (request.componentPath) {
      throw new CallRefused(400, "NotSupported", "The local deployment has no components.");
    }
    const importId = exchange.finishUpload(uploadToken, request);
    if (importId === null) throw unknown("upload");
    return c.json({ importId });
  });
  app.post("/perform_import", async (c) => {
    const { importId } = z.object({ importId: z.string() }).parse(await c.req.json());
    if (!exchange.perform(importId)) throw unknown("import");
    return c.json(null);
  });

  app.post("/export/request/zip", (c) => {
    exchange.export();
    return c.json(null);
  });
  app.get("/export/zip/:at{[0-9]+}", (c) => {
    const zip = exchange.exported(BigInt(c.req.param("at")));
    if (zip === null) throw unknown("export");
    return c.body(Buffer.from(zip), 200, { "Content-Type": "application/zip" });
  });
  return app;
}
