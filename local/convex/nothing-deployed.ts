import type { Modules } from "./functions.js";
import type { AnySchema } from "./schema.js";

/** A deployment as it is before its first deploy; a schema as an app has it that defines none. */
export const NOTHING_DEPLOYED: { modules: Modules; schema: AnySchema } = {
  modules: {},
  schema: {
    tables: {},
    export: () => JSON.stringify({ tables: [], schemaValidation: false }),
  } as AnySchema,
};
