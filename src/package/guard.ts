import { customCtx } from "convex-helpers/server/customFunctions";
import type { GenericDatabaseWriter, GenericDataModel, GenericSchema } from "convex/server";
import { ConvexError } from "convex/values";

/**
 * What a refused write throws as the data of its `ConvexError`.
 * @example
 * ```ts
 * import { ConvexError } from "convex/values";
 * import type { MirroredTableError } from "datahub-sync/convex";
 *
 * export function isMirroredTable(error: unknown): error is ConvexError<MirroredTableError> {
 *   return error instanceof ConvexError && (error.data as { code?: unknown }).code === "MIRRORED_TABLE";
 * }
 * ```
 */
export interface MirroredTableError {
  [field: string]: string;
  code: "MIRRORED_TABLE";
  table: string;
  message: string;
}

/**
 * Keeps an app from writing to mirrored tables: `insert`, `patch`, `replace` and `delete` on them throw a
 * `ConvexError<MirroredTableError>` that names the table. Such a write would last until the row changes in Postgres, and a
 * deep run would take it back. Everything else goes through, and nothing is read for it. For `customMutation` of convex-helpers,
 * which an app installs beside this package.
 * @example
 * ```ts
 * // convex/functions.ts
 * import { customMutation } from "convex-helpers/server/customFunctions";
 * import { defaultMirrorTables, guardMirrors } from "datahub-sync/convex";
 * import type { DataModel } from "./_generated/dataModel";
 * import { mutation as rawMutation } from "./_generated/server";
 *
 * const guard = guardMirrors<DataModel>({ tables: defaultMirrorTables });
 * export const mutation = customMutation(rawMutation, guard);
 * ```
 */
export function guardMirrors<DataModel extends GenericDataModel>({ tables }: { tables: GenericSchema }) {
  const names = Object.keys(tables);
  return customCtx((ctx: { db: GenericDatabaseWriter<DataModel> }) => ({ db: guardedWriter(ctx.db, names) }));
}

/** What `db.table(name)` gives: a writer of one table. */
type Member = (...args: unknown[]) => unknown;

const WRITES = new Set(["insert", "patch", "replace", "delete"]);

function guardedWriter<DataModel extends GenericDataModel>(
  db: GenericDatabaseWriter<DataModel>,
  mirrored: readonly string[],
): GenericDatabaseWriter<DataModel> {
  // The table, where it is named, and otherwise the one that an id is of, which the id itself tells.
  const isOf = (name: string, [first]: readonly unknown[]): boolean =>
    first === name || (typeof first === "string" && db.normalizeId(name, first) !== null);
  const refuse = (args: readonly unknown[]): void => {
    const table = mirrored.find((name) => isOf(name, args));
    if (table === undefined) return;
    const message = `${table} is a mirror of Postgres: change the row there, and the next sync brings it here.`;
    throw new ConvexError<MirroredTableError>({ code: "MIRRORED_TABLE", table, message });
  };
  return guarding(db, (property, method) => {
    if (property === "table")
      return (name) =>
        guarding(
          method(name) as object,
          refusing(() => refuse([name])),
        );
    return refusing(refuse)(property, method);
  });
}

/** Asks before each write. */
const refusing =
  (refuse: (args: readonly unknown[]) => void) =>
  (property: string, method: Member): Member =>
    WRITES.has(property)
      ? (...args) => {
          refuse(args);
          return method(...args);
        }
      : method;

/** The same object, with other methods. */
function guarding<Guarded extends object>(
  object: Guarded,
  replace: (property: string, method: Member) => Member,
): Guarded {
  return new Proxy(object, {
    get(target, property) {
      const member = Reflect.get(target, property) as unknown;
      if (typeof member !== "function") return member;
      return replace(String(property), (member as Member).bind(target));
    },
  });
}
