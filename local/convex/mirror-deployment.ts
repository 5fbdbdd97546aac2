import * as datahubSync from "../../convex/datahubSync.js";
import schema from "../../convex/schema.js";
import { LocalDeployment, type LocalDeploymentOptions } from "./deployment.js";

export interface MirrorDeploymentOptions extends Omit<LocalDeploymentOptions, "modules" | "schema" | "env"> {
  /** The deployment's CONVEX_SYNC_AUTH_KEY; undefined leaves it unset. */
  syncKey: string | undefined;
}

/** A local deployment of this project's own `convex/`. */
export function createMirrorDeployment({ syncKey, ...options }: MirrorDeploymentOptions): LocalDeployment {
  return LocalDeployment.create({
    schema,
    modules: { datahubSync },
    env: syncKey === undefined ? {} : { CONVEX_SYNC_AUTH_KEY: syncKey },
    ...options,
  });
}
