import { transform } from "esbuild";
import { currentCall } from "../call.js";
import { DeployRefused } from "../errors.js";
import type { Modules } from "../functions.js";
import { FunctionThread, ImportFailed } from "./function-thread.js";
import { FunctionThreads } from "./function-threads.js";
import type { ExportedFunction, LoadedModule } from "./worker-protocol.js";

/** A module as the CLI bundles it: JavaScript, which imports nothing but what is pushed with it. */
export interface PushedModule {
  /** Below the folder of functions: "datahubSync.js", "_deps/ABC.js". */
  path: string;
  source: string;
  environment: "isolate" | "node";
}

/** Pushed modules, as the deployment runs them. */
export interface EvaluatedModules {
  modules: Modules;
  /** Of each module that has a schema as its default export: what it exports, as JSON. */
  schemas: ReadonlyMap<string, string>;
  /** Ends their threads, as soon as nobody uses them. */
  retire: () => void;
}

type Environment = () => Readonly<Record<string, string>>;

/**
 * Runs the top level of pushed modules, and finds their functions.
 * @param env what module code sees as `process.env` while nobody calls it
 * @throws DeployRefused where a module fails as it is imported
 */
export async function evaluateModules(
  pushed: readonly PushedModule[],
  env: Environment,
  { maxOwnMs }: { maxOwnMs?: number } = {},
): Promise<EvaluatedModules> {
  const scripts = new Map<string, string>();
  for (const { path, source, environment } of pushed) {
    if (environment === "node") {
      throw new DeployRefused(
        `${path} is for Node.js ("use node"), which the local deployment does not run.`,
      );
    }
    scripts.set(path, await toCommonJs(path, source));
  }
  const threads = new FunctionThreads(() => FunctionThread.start({ scripts, env: env(), maxOwnMs }));
  try {
    const loaded = await threads.load();
    const modules: Modules = {};
    const schemas = new Map<string, string>();
    for (const [path, module] of loaded) {
      refuseUnsupported(path, module);
      modules[path.replace(/\.js$/, "")] = Object.fromEntries(
        module.functions.map((exported) => [exported.name, registered(threads, path, exported)]),
      );
      if (module.schema !== null) schemas.set(path, module.schema);
    }
    return { modules, schemas, retire: () => threads.retire() };
  } catch (error) {
    threads.retire();
    if (error instanceof ImportFailed) {
      throw new DeployRefused(`Failed to analyze ${error.path}: ${error.message}`);
    }
    throw error;
  }
}

async function toCommonJs(path: string, source: string): Promise<string> {
  try {
    const { code } = await transform(source, { format: "cjs", target: "esnext", sourcefile: path });
    return code;
  } catch (error) {
    throw new DeployRefused(`${path} is no module: ${String((error as Error).message)}`);
  }
}

function refuseUnsupported(path: string, { unsupported }: LoadedModule): void {
  if (unsupported === null) return;
  throw new DeployRefused(`${path} exports ${unsupported}, which the local deployment does not run.`);
}

/** What `query` and `mutation` of `convex/server` return, in the thread's stead. */
function registered(threads: FunctionThreads, path: string, exported: ExportedFunction): unknown {
  const { name, kind, isPublic, args, returns } = exported;
  const invoke = (argsText: string) => threads.invoke(currentCall()!, path, name, argsText);
  return Object.assign(() => {}, {
    ...{ [kind]: true, isPublic, isInternal: !isPublic },
    ...{ exportArgs: () => args, exportReturns: () => returns },
    ...(kind === "isQuery" && { invokeQuery: invoke }),
    ...(kind === "isMutation" && { invokeMutation: invoke }),
  });
}
