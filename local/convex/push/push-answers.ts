import type { DeployedFunction, Modules } from "../functions.js";
import type { AnySchema } from "../schema.js";
import type { StartPush } from "./push-request.js";

interface NamedIndex {
  name: string;
  type: "database";
  fields: string[];
}

/** Indexes that a push adds and removes, named "table.index". */
export interface IndexDiff {
  added_indexes: NamedIndex[];
  removed_indexes: NamedIndex[];
}

export interface DescribedPush {
  push: string;
  functions: ReadonlyMap<string, DeployedFunction>;
  modules: Modules;
  schema: AnySchema;
  indexes: IndexDiff;
  request: StartPush;
}

/** What `start_push` answers, in the form of the CLI's own checks (deployApi/startPush.ts of the package convex). */
export function describePush({ push, functions, modules, schema, indexes, request }: DescribedPush) {
  const analyzed: Record<string, unknown> = {};
  for (const path of Object.keys(modules)) {
    analyzed[`${path}.js`] = {
      functions: [...functions.values()]
        .filter((deployed) => deployed.path.startsWith(`${path}:`))
        .map((deployed) => describeFunction(deployed, path)),
      ...{ httpRoutes: null, cronSpecs: null, sourceMapped: null },
    };
  }
  return {
    environmentVariables: {},
    externalDepsId: null,
    componentDefinitionPackages: {},
    appAuth: [],
    analysis: {
      "": {
        definition: {
          path: "",
          definitionType: { type: "app" },
          childComponents: [],
          httpMounts: {},
          exports: { type: "branch", branch: [] },
        },
        schema: JSON.parse((schema as unknown as { export(): string }).export()) as unknown,
        functions: analyzed,
        udfConfig: {
          serverVersion: request.appDefinition.udfServerVersion,
          importPhaseRngSeed: null,
          importPhaseUnixTimestamp: null,
        },
      },
    },
    app: {
      ...{ definitionPath: "", componentPath: "", args: {}, childComponents: {}, exports: {} },
      httpRoutes: { httpModuleRoutes: null, mounts: [] },
    },
    schemaChange: { allocatedComponentIds: {}, schemaIds: {}, indexDiffs: { "": indexes }, push },
  };
}

function describeFunction(deployed: DeployedFunction, module: string) {
  const { kind, visibility, args, returns, path } = deployed;
  return {
    name: path.slice(module.length + 1),
    pos: null,
    udfType: kind[0]!.toUpperCase() + kind.slice(1),
    visibility: { kind: visibility },
    args: JSON.stringify(args),
    returns: returns === null ? null : JSON.stringify(returns),
  };
}

/** What `finish_push` answers. */
export function emptyDiff(indexDiff: IndexDiff) {
  const nothing = { added: [], removed: [] };
  return {
    authDiff: nothing,
    definitionDiffs: {},
    componentDiffs: {
      "": {
        diffType: { type: "modify" },
        moduleDiff: nothing,
        udfConfigDiff: null,
        cronDiff: { added: [], updated: [], deleted: [] },
        indexDiff,
        schemaDiff: null,
      },
    },
  };
}
