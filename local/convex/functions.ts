import type { JSONValue } from "convex/values";
import type { FunctionKind } from "./call.js";
import { actionsUnsupported, DeployRefused } from "./errors.js";
import { compileValidator, type IdCheck, type Validator, type ValidatorJson } from "./validators.js";

/** Modules by path ("datahubSync"), each with its exports. */
export type Modules = Record<string, Record<string, unknown>>;

export interface DeployedFunction {
  /** "module:export". */
  path: string;
  kind: FunctionKind;
  visibility: "public" | "internal";
  args: ValidatorJson;
  returns: ValidatorJson | null;
  validateArgs: Validator;
  validateResult: Validator | null;
  /** Takes the arguments and gives the result as JSON texts. */
  invoke(args: string): Promise<string>;
}

/** What `query`, `mutation` and `action` of `convex/server` return, as the backend sees it. */
interface RegisteredFunction {
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
  isHttp?: boolean;
  isPublic?: boolean;
  isInternal?: boolean;
  invokeQuery?: (args: string) => Promise<string>;
  invokeMutation?: (args: string) => Promise<string>;
  exportArgs(): string;
  exportReturns(): string;
}

const MODULE_PATH = /^[A-Za-z0-9_.]+(\/[A-Za-z0-9_.]+)*$/;

/** Finds the functions among the modules' exports. Throws {@link DeployRefused}. */
export function readFunctions(modules: Modules, isIdOf: IdCheck): Map<string, DeployedFunction> {
  const functions = new Map<string, DeployedFunction>();
  for (const [module, exports] of Object.entries(modules)) {
    if (!MODULE_PATH.test(module)) {
      throw new DeployRefused(
        `${module} is not a valid path to a Convex module: it may have letters, digits, underscores and periods`,
      );
    }
    for (const [name, exported] of Object.entries(exports)) {
      if (isRegistered(exported)) {
        const path = `${module}:${name}`;
        functions.set(path, readFunction(path, exported, isIdOf));
      }
    }
  }
  return functions;
}

function isRegistered(exported: unknown): exported is RegisteredFunction {
  if (typeof exported !== "function") return false;
  const { isQuery, isMutation, isAction } = exported as RegisteredFunction & typeof exported;
  return isQuery === true || isMutation === true || isAction === true;
}

function readFunction(path: string, registered: RegisteredFunction, isIdOf: IdCheck): DeployedFunction {
  const args = JSON.parse(registered.exportArgs()) as ValidatorJson;
  const returns = JSON.parse(registered.exportReturns()) as ValidatorJson | null;
  return {
    path,
    kind: registered.isQuery ? "query" : registered.isMutation ? "mutation" : "action",
    visibility: registered.isPublic ? "public" : "internal",
    args,
    returns,
    validateArgs: compileValidator(args, isIdOf),
    validateResult: returns && compileValidator(returns, isIdOf),
    invoke(argsText) {
      const invoke = registered.invokeQuery ?? registered.invokeMutation;
      if (invoke === undefined) throw actionsUnsupported();
      return invoke(argsText);
    },
  };
}

/** "module.js:name", "module:name" and "module" (its default export) name functions. */
export function canonicalPath(path: string): string {
  const colon = path.lastIndexOf(":");
  const module = (colon < 0 ? path : path.slice(0, colon)).replace(/\.js$/, "");
  return `${module}:${colon < 0 ? "default" : path.slice(colon + 1)}`;
}

/** One entry of `npx convex function-spec`, and of the CLI's list of known functions. */
export function describeFunction(deployed: DeployedFunction): JSONValue {
  const [module, name] = deployed.path.split(":") as [string, string];
  return {
    identifier: `${module}.js:${name}`,
    functionType: titleOf(deployed.kind),
    visibility: { kind: deployed.visibility },
    args: deployed.args as unknown as JSONValue,
    returns: (deployed.returns ?? { type: "any" }) as unknown as JSONValue,
  };
}

/** Finds a function for a caller. Internal functions exist for admins and other functions only. */
export function findFunction(
  functions: ReadonlyMap<string, DeployedFunction>,
  path: string,
  kind: FunctionKind | "any",
  internalToo: boolean,
): DeployedFunction {
  const deployed = functions.get(canonicalPath(path));
  if (deployed === undefined || (deployed.visibility === "internal" && !internalToo)) {
    const name = canonicalPath(path).replace(/:default$/, "");
    throw new Error(
      kind === "any"
        ? `Could not find function for '${name}'. Did you forget to run \`npx convex dev\`?`
        : `Could not find public function for '${name}'.`,
    );
  }
  if (kind !== "any" && deployed.kind !== kind) {
    throw new Error(
      `Trying to execute ${path} as ${titleOf(kind)}, but it is defined as ${titleOf(deployed.kind)}.`,
    );
  }
  return deployed;
}

const titleOf = (kind: FunctionKind): string => kind[0]!.toUpperCase() + kind.slice(1);
