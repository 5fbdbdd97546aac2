import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import { importX } from "eslint-plugin-import-x";
import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * How values are written into documents, of which there is one copy: apps read them with the files that the encoder
 * writes them with, and those have to run in Convex and in browsers.
 */
const VALUE_FORMATS = ["src/package/json.ts", "src/package/literals.ts"];

/** Where the package lies: whatever reads its files asks. */
const PACKAGE_ROOT = "src/package-root.ts";

const STAGES = ["src/config", "src/catalog", "src/source", "src/encode", "src/sink", "src/state"];

/**
 * The one direction of the house: cli -> commands -> sync -> stages -> model. What a folder may import beside itself and
 * packages; everything else is an error. The stages are absent from each other's lines: only `sync`, and the commands
 * beside it, know more than one. What they share is in `model`, which imports nothing.
 */
const MAY_IMPORT = {
  convex: [],
  drizzle: [],
  "src/package": ["convex"],
  "src/model": [],
  "src/postgres": ["src/model"],
  "src/config": ["src/model"],
  "src/catalog": ["src/model", "src/postgres"],
  "src/source": ["src/model", "src/postgres"],
  "src/encode": ["src/model", ...VALUE_FORMATS],
  "src/sink": ["src/model", "convex"],
  "src/state": ["src/model", "src/postgres", "drizzle", PACKAGE_ROOT],
  "src/alerts": ["src/model"],
  "src/sync": ["src/model", "src/postgres", "convex", ...STAGES],
  "src/commands": ["src/model", "src/postgres", "convex", ...STAGES, "src/sync"],
  local: ["src/model", "src/postgres", "convex", "drizzle", PACKAGE_ROOT],
  // The demo is a command of its own. Its oracle must share nothing with what it checks.
  "local/demo": ["src/model", "local", "src/config/environment.ts", "src/cli/render", PACKAGE_ROOT],
  "local/oracle": [],
  "src/cli": ["src/model", "src/config", "src/alerts", "src/commands", "src/sync", "local", PACKAGE_ROOT],
};

/** The files of a layer, without those of a layer within it. */
function filesOf(layer) {
  const within = Object.keys(MAY_IMPORT).filter((other) => other.startsWith(`${layer}/`));
  const folders = within.map((other) => other.slice(layer.length + 1)).join("|");
  return within.length === 0 ? `./${layer}` : [`./${layer}/*`, `./${layer}/!(${folders})/**`];
}

const LAYERS = Object.entries(MAY_IMPORT).map(([layer, allowed]) => ({
  target: filesOf(layer),
  from: "./",
  except: ["node_modules", "package.json", layer, ...allowed].map((path) => `./${path}`),
  message: `${layer} may import ${["itself", ...allowed].join(", ")} (eslint.config.js, MAY_IMPORT).`,
}));

const CLOCK_MESSAGE =
  "Time, chance and sleep come from a Clock (src/model/clock.ts), so that tests need not wait.";

const CLOCK_RULES = {
  "no-restricted-globals": [
    "error",
    ...["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: CLOCK_MESSAGE })),
  ],
  "no-restricted-imports": [
    "error",
    ...["node:timers", "node:timers/promises"].map((name) => ({ name, message: CLOCK_MESSAGE })),
  ],
  "no-restricted-syntax": [
    "error",
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK_MESSAGE },
  ],
};

const CLOCK_PROPERTIES = [
  { object: "Date", property: "now", message: CLOCK_MESSAGE },
  { object: "Math", property: "random", message: CLOCK_MESSAGE },
  { object: "crypto", property: "randomUUID", message: CLOCK_MESSAGE },
];

const ENVIRONMENT_PROPERTY = {
  object: "process",
  property: "env",
  message: "The environment is read in src/config alone.",
};

const EXIT_PROPERTY = {
  object: "process",
  property: "exit",
  message: "Only the command line ends the process: set process.exitCode, or throw.",
};

export default defineConfig(
  globalIgnores(["dist", "coverage", "logs", "migrations", "convex/_generated", "tests/convex/fixtures"]),
  eslint.configs.recommended,
  tseslint.configs.strict,
  tseslint.configs.recommendedTypeChecked,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver-next": [createTypeScriptImportResolver()],
      "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
    },
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }], // `== null` is null or undefined
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": ["error", { zones: LAYERS }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      // A value that the types cannot know but the code has just made sure of is said so with `!`.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-dynamic-delete": "off", // documents are records with keys of the user's choice
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
    },
  },
  {
    files: ["src/**"],
    rules: {
      ...CLOCK_RULES,
      "no-console": "error",
      "no-restricted-properties": ["error", ...CLOCK_PROPERTIES, ENVIRONMENT_PROPERTY, EXIT_PROPERTY],
    },
  },
  {
    files: ["src/config/**"],
    rules: { "no-restricted-properties": ["error", ...CLOCK_PROPERTIES, EXIT_PROPERTY] },
  },
  {
    files: ["src/cli/**"],
    rules: {
      "no-console": "off",
      "no-restricted-properties": ["error", ...CLOCK_PROPERTIES, ENVIRONMENT_PROPERTY],
    },
  },
  {
    // The one implementation of the clock, and the local deployment, which is for tests and tryouts.
    files: ["src/model/clock.ts", "local/**"],
    rules: {
      "no-console": "error",
      "no-restricted-globals": "off",
      "no-restricted-imports": "off",
      "no-restricted-syntax": "off",
      "no-restricted-properties": ["error", ENVIRONMENT_PROPERTY, EXIT_PROPERTY],
    },
  },
  {
    files: ["local/demo/**"],
    rules: {
      "no-console": "off",
      "no-restricted-properties": ["error", ENVIRONMENT_PROPERTY],
    },
  },
  {
    files: ["tests/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "MemberExpression[object.name=/^(test|it|describe)$/][property.name=/^(skip|skipIf|runIf|only|todo|fails)$/]",
          message: "Every test runs, always.",
        },
      ],
    },
  },
  {
    files: ["**/*.js"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: "readonly", console: "readonly" } },
  },
);
