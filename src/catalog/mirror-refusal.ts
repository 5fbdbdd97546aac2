import type { RelationName } from "../model/config.js";
import { SyncError, type ErrorCode } from "../model/errors.js";

/** Makes the errors of one mirror, which is not run as it stands. */
export function refuser(table: string) {
  return (code: ErrorCode, message: string, remedy: string): SyncError =>
    new SyncError({ code, message, remedy, table });
}

/** A relation as messages name it. */
export function display(relation: RelationName): string {
  return relation.schema === "public" ? relation.name : `${relation.schema}.${relation.name}`;
}
