import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.js";

/** What package.json exports, by what an app imports: the source of each entry. */
function readEntries(): Record<string, string> {
  const { exports } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
    exports: Record<string, string | { types: string }>;
  };
  const modules = Object.entries(exports).flatMap(([name, entry]) =>
    typeof entry === "string" ? [] : [[name, entry.types] as const],
  );
  return Object.fromEntries(
    modules.map(([name, types]) => [
      name.replace(/^\./, "datahub-sync"),
      join(packageRoot(), types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts")),
    ]),
  );
}

const entries = readEntries();

const settings = ts.getParsedCommandLineOfConfigFile(
  join(packageRoot(), "src/package/tsconfig.json"),
  { paths: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, [path]])) },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
)!.options;

interface Export {
  name: string;
  examples: string[];
}

/** The exports of the entries, each with the examples of its docstring. */
function listExports(program: ts.Program): Export[] {
  const checker = program.getTypeChecker();
  const symbols = Object.values(entries).flatMap((path) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!),
  );
  const byName = new Map(symbols.map((symbol) => [symbol.name, symbol]));
  return [...byName].map(([name, symbol]) => {
    const declared = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const tags = declared.getJsDocTags(checker).filter((tag) => tag.name === "example");
    return { name, examples: tags.flatMap(({ text }) => readCode(ts.displayPartsToString(text))) };
  });
}

const readCode = (text: string) => [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);

/** Type-checks the examples as modules of an app's `convex/`, where this project's own generated types are. */
function checkTypes(known: ts.Program, codes: readonly string[]): string[][] {
  const files = new Map(
    codes.map((code, i) => [join(packageRoot(), `convex/example${i}.ts`), code] as const),
  );
  const host = ts.createCompilerHost(settings);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (path, language) => {
    const code = files.get(path);
    if (code !== undefined) return ts.createSourceFile(path, code, language);
    return known.getSourceFile(path) ?? read(path, language);
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  return [...files.keys()].map((path) => {
    const file = program.getSourceFile(path);
    const problems = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  });
}

const program = ts.createProgram(Object.values(entries), settings);
const exported = listExports(program);
const examples = exported.flatMap(({ name, examples: codes }) => codes.map((code) => ({ name, code })));

describe("what the package exports", () => {
  it("has an example each, which imports and uses it", () => {
    expect(exported.length).toBeGreaterThan(15);
    const uses = (code: string, name: string) => code.split(new RegExp(`\\b${name}\\b`)).length > 2;
    const without = exported.filter(({ name, examples: codes }) => !codes.some((code) => uses(code, name)));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("has examples that type-check", () => {
    const problems = checkTypes(
      program,
      examples.map(({ code }) => code),
    );
    expect(examples.map(({ name }, i) => [name, problems[i]])).toEqual(
      examples.map(({ name }) => [name, []]),
    );
  });
});

/** `expression; // value` in an example. */
const CLAIM = /^(.+); \/\/ (.+)$/gm;

describe("what an example says that a value is", () => {
  const claiming = examples.filter(({ code }) => /datahub-sync\/values/.test(code) && code.match(CLAIM));

  it.each(claiming)("$name", async ({ code }) => {
    const contents = code.replaceAll(CLAIM, "claim($1, $2);");
    const { outputFiles } = await build({
      stdin: { contents, loader: "ts", resolveDir: packageRoot() },
      alias: entries,
      bundle: true,
      write: false,
      format: "iife",
      logLevel: "silent",
    });
    const claims: [unknown, unknown][] = [];
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the project's own text
    const play = new Function("claim", outputFiles[0]!.text) as (
      claim: (is: unknown, said: unknown) => void,
    ) => void;
    play((is, said) => claims.push([is, said]));
    expect(claims).not.toEqual([]);
    for (const [is, said] of claims) expect(is).toStrictEqual(said);
  });
});
