import { randomUUID } from "node:crypto";
import type { LocalDeployment } from "../deployment.js";
import { DeployRefused } from "../errors.js";
import { NOTHING_DEPLOYED } from "../nothing-deployed.js";
import type { AnySchema, IndexDefinition } from "../schema.js";
import { describePush, emptyDiff, type IndexDiff } from "./push-answers.js";
import { hashOf, type SentModule, type StartPush } from "./push-request.js";
import { evaluateModules, type EvaluatedModules } from "./pushed-modules.js";

/** A push that has begun and is not in place. */
interface Pending {
  id: string;
  sources: ReadonlyMap<string, SentModule>;
  schema: AnySchema;
  evaluated: EvaluatedModules;
  serverVersion: string;
  indexes: IndexDiff;
}

/** The steps in which `npx convex deploy` and `npx convex dev` replace functions and schema. */
export class Pusher {
  readonly #deployment: LocalDeployment;
  /** Of what is in place, by path; empty before the first push. */
  #sources: ReadonlyMap<string, SentModule> = new Map();
  #serverVersion: string | null = null;
  #pending: Pending | null = null;
  #inPlace: EvaluatedModules | null = null;

  constructor(deployment: LocalDeployment) {
    this.#deployment = deployment;
  }

  /** What `get_config_hashes` answers: the CLI sends modules again only where they differ. */
  get config() {
    return {
      config: { functions: "convex/" },
      moduleHashes: [...this.#sources.values()].map((module) => ({
        ...{ path: module.path, environment: module.environment, hash: hashOf(module) },
      })),
      udfServerVersion: this.#serverVersion,
      nodeDependencies: [],
    };
  }

  /**
   * Runs what is pushed as far as its top level, and remembers it. Nothing is in place yet.
   * @throws DeployRefused
   */
  async start(request: StartPush) {
    const { pending, answer } = await this.#evaluate(request);
    this.#pending?.evaluated.retire();
    this.#pending = pending;
    return answer;
  }

  /** The same, to look at: it is remembered by nobody. */
  async evaluate(request: StartPush) {
    const { pending, answer } = await this.#evaluate(request);
    pending.evaluated.retire();
    return { schemaChange: answer.schemaChange };
  }

  async #evaluate(request: StartPush) {
    const { appDefinition, componentDefinitions } = request;
    refuseUnsupported(request);
    if (componentDefinitions.length > 0) throw new DeployRefused("The local deployment has no components.");
    const sources = this.#sourcesOf(appDefinition);
    const env = () => this.#deployment.env;
    const schema =
      appDefinition.schema === null
        ? NOTHING_DEPLOYED.schema
        : await readPushedSchema(appDefinition.schema, env);
    const evaluated = await evaluateModules([...sources.values()], env);
    try {
      const { modules } = evaluated;
      const { functions, indexes: changes } = this.#deployment.check({ schema, modules });
      const indexes = { added_indexes: named(changes.added), removed_indexes: named(changes.removed) };
      const pending: Pending = {
        ...{ id: randomUUID(), sources, schema, evaluated, indexes },
        serverVersion: appDefinition.udfServerVersion,
      };
      const answer = describePush({ push: pending.id, functions, modules, schema, indexes, request });
      return { pending, answer };
    } catch (error) {
      evaluated.retire();
      throw error;
    }
  }

  /** Whether the documents that exist match. */
  validate(push: string): { type: "complete" } | { type: "raceDetected" } | Record<string, unknown> {
    if (this.#pending?.id !== push) return { type: "raceDetected" };
    try {
      this.#deployment.checkDocuments(this.#pending.schema);
      return { type: "complete" };
    } catch (error) {
      if (!(error instanceof DeployRefused)) throw error;
      return { type: "failed", error: error.message, componentPath: "", tableName: error.table };
    }
  }

  /**
   * Puts it in place, at once and as a whole.
   * @throws DeployRefused, and then what was in place is
   */
  finish(push: string, { dryRun }: { dryRun: boolean }) {
    const pending = this.#pending;
    if (pending?.id !== push) throw new DeployRefused("Another push came in between: push again.");
    if (dryRun) pending.evaluated.retire();
    else {
      const { schema, evaluated } = pending;
      this.#deployment.deploy({ schema, modules: evaluated.modules });
      this.#inPlace?.retire();
      this.#inPlace = evaluated;
      this.#sources = pending.sources;
      this.#serverVersion = pending.serverVersion;
    }
    this.#pending = null;
    return emptyDiff(pending.indexes);
  }

  #sourcesOf({ changedModules, unchangedModuleHashes }: StartPush["appDefinition"]): Map<string, SentModule> {
    const sources = new Map(changedModules.map((module) => [module.path, module]));
    for (const { path, sha256 } of unchangedModuleHashes) {
      const known = this.#sources.get(path);
      if (known === undefined || hashOf(known) !== sha256) {
        throw new DeployRefused(`${path} has changed since the CLI asked: push again.`);
      }
      sources.set(path, known);
    }
    return sources;
  }
}

function named(byTable: ReadonlyMap<string, readonly IndexDefinition[]>): IndexDiff["added_indexes"] {
  return [...byTable].flatMap(([table, indexes]) =>
    indexes.map(({ name, fields }) => ({
      name: `${table}.${name}`,
      type: "database",
      fields: fields.filter((field) => field !== "_id" && field !== "_creationTime"),
    })),
  );
}

function refuseUnsupported({ appDefinition }: StartPush): void {
  if (appDefinition.auth)
    throw new DeployRefused("The local deployment has no authentication: it takes no auth.config.ts.");
}

async function readPushedSchema(
  module: SentModule,
  env: () => Readonly<Record<string, string>>,
): Promise<AnySchema> {
  const { schemas, retire } = await evaluateModules([module], env);
  retire();
  const exported = schemas.get(module.path);
  if (exported === undefined) {
    throw new DeployRefused("schema.ts has no default export that `defineSchema` has made.");
  }
  return { tables: {}, export: () => exported } as AnySchema;
}
