import { createHash } from "node:crypto";
import { brotliDecompressSync } from "node:zlib";
import { z } from "zod";

/** What the CLI sends, as far as it is used; it may send more. */
const module = z.object({
  path: z.string(),
  source: z.string(),
  sourceMap: z.string().nullish(),
  environment: z.enum(["isolate", "node"]),
});

const startPush = z.object({
  dryRun: z.boolean(),
  functions: z.string(),
  appDefinition: z.object({
    definition: module.nullable(),
    schema: module.nullable(),
    auth: module.nullish(),
    changedModules: z.array(module),
    unchangedModuleHashes: z.array(z.object({ path: z.string(), sha256: z.string() })),
    udfServerVersion: z.string(),
  }),
  componentDefinitions: z.array(z.unknown()),
});

export type SentModule = z.infer<typeof module>;
export type StartPush = z.infer<typeof startPush>;

export const readStartPush = (body: unknown): StartPush => startPush.parse(body);

export const waitForSchema = z.object({ schemaChange: z.object({ push: z.string() }), dryRun: z.boolean() });

export const finishPush = z.object({
  startPush: z.object({ schemaChange: z.object({ push: z.string() }) }),
  dryRun: z.boolean(),
});

export const environmentChanges = z.object({
  changes: z.array(z.object({ name: z.string(), value: z.string().nullish() })),
});

/** The JSON of a body, compressed as the CLI compresses what it pushes. */
export function readBody(bytes: Uint8Array, encoding: string | undefined): unknown {
  const plain = encoding === "br" ? brotliDecompressSync(bytes) : bytes;
  return JSON.parse(new TextDecoder().decode(plain)) as unknown;
}

/** As the CLI names a module's content. */
export function hashOf({ source, sourceMap }: SentModule): string {
  return createHash("sha256")
    .update(source)
    .update(sourceMap ?? "")
    .digest("hex");
}
