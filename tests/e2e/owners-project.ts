import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

const NO_CHANGES = "No changes detected";

/** Where drizzle-kit puts what it pulls, and which files of it are code. */
const PULLED = "pulled";
const CODE = ["schema.ts", "relations.ts"].map((file) => `${PULLED}/${file}`);

/** What a configuration of drizzle-kit says that it should look at; left out, drizzle-kit 0.31 takes the schema public. */
export interface Filters {
  schemaFilter?: readonly string[];
  tablesFilter?: readonly string[];
}

/** A project of the database's owner, with a schema of his own and the real drizzle-kit, in a folder of its own. */
export class OwnersProject {
  private constructor(
    private readonly folder: string,
    private readonly databaseUrl: string,
  ) {}

  static async create(databaseUrl: string): Promise<OwnersProject> {
    const folder = await mkdtemp(join(tmpdir(), "owners-project-"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    await symlink(modules, join(folder, "node_modules"));
    return new OwnersProject(folder, databaseUrl);
  }

  write(file: string, text: string): Promise<void> {
    return writeFile(join(this.folder, file), text);
  }

  /** `drizzle-kit push` of these files; the statements that it said and carried out. */
  async push(files: readonly string[], filters: Filters = {}): Promise<string[]> {
    const schema = files.map((file) => `./${file}`);
    const said = await this.#drizzleKit(["push", "--force", "--verbose"], { schema, ...filters });
    if (said.includes(NO_CHANGES)) return [];
    const [, statements] = said.split("You are about to execute current statements:");
    const [listed] = statements!.split("[✓] Changes applied");
    if (listed === undefined || listed === statements) throw new Error(`drizzle-kit push said:\n${said}`);
    return listed
      .replaceAll("--> statement-breakpoint", "")
      .split(";\n")
      .map((statement) => statement.trim())
      .filter((statement) => statement !== "");
  }

  /** `drizzle-kit pull`; all that it wrote as code. */
  async pull(filters: Filters = {}): Promise<string> {
    await rm(join(this.folder, PULLED), { recursive: true, force: true });
    await this.#drizzleKit(["pull"], filters);
    const texts = await Promise.all(CODE.map((file) => readFile(join(this.folder, file), "utf8")));
    return texts.join("\n");
  }

  /** Compiles what was pulled, as strictly as it goes. */
  async compilePulled(): Promise<void> {
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"];
    const resolution = ["--module", "esnext", "--moduleResolution", "bundler", "--types", "node"];
    await this.#run(["typescript/bin/tsc", ...flags, ...resolution, ...CODE]);
  }

  /** Runs a script in the folder, TypeScript and all; what it prints. */
  async runScript(text: string): Promise<string> {
    await this.write("script.ts", text);
    return this.#run(["tsx/dist/cli.mjs", "script.ts"]);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  async #drizzleKit(args: readonly string[], config: object): Promise<string> {
    const dbCredentials = { url: this.databaseUrl };
    const whole = { dialect: "postgresql", out: `./${PULLED}`, dbCredentials, ...config };
    await this.write("drizzle.config.ts", `export default ${JSON.stringify(whole)};`);
    return this.#run(["drizzle-kit/bin.cjs", ...args]);
  }

  /** @throws with what it printed, which tsc does on standard output */
  async #run([bin, ...args]: readonly string[]): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [join(modules, bin!), ...args], {
        cwd: this.folder,
        env: { PATH: process.env["PATH"], HOME: this.folder, DATABASE_URL: this.databaseUrl, NO_COLOR: "1" },
      });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${bin} failed:\n${stdout}\n${stderr}`, { cause: error });
    }
  }
}
