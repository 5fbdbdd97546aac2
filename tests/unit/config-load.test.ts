import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig, type ConfigInput } from "../../src/config/load-config.js";
import { OPTIONS } from "../../src/config/option-table.js";
import { SyncError } from "../../src/errors.js";

const DATABASE = "postgresql://owner:pw-of-owner@db.example.com/app?sslmode=verify-full";
const COMPLETE = {
  DATABASE_URL: DATABASE,
  CONVEX_URL: "https://happy-otter-123.convex.cloud",
  CONVEX_SYNC_AUTH_KEY: "the-key-of-the-sync",
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "datahub-sync-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

function input(given: Partial<ConfigInput> = {}): ConfigInput {
  return { cwd, environment: COMPLETE, envFile: null, flags: {}, tables: [], allowDeletes: [], ...given };
}

function write(file: string, values: Record<string, string> | string): void {
  const lines =
    typeof values === "string"
      ? values
      : Object.entries(values)
          .map(([name, value]) => `${name}=${value}`)
          .join("\n");
  writeFileSync(join(cwd, file), lines);
}

function failure(given: Partial<ConfigInput>, sides: "both" | "source" = "both"): SyncError {
  try {
    if (sides === "both") loadConfig(input(given), "both");
    else loadConfig(input(given), "source");
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("where a variable comes from", () => {
  const host = (given: Partial<ConfigInput>) => loadConfig(input(given), "both").config.database.host;
  const at = (name: string) => `postgresql://u:pass@${name}/app`;

  it("is the environment, then .env.local, then .env", () => {
    write(".env", { ...COMPLETE, DATABASE_URL: at("from-env-file") });
    expect(host({ environment: {} })).toBe("from-env-file");
    write(".env.local", { DATABASE_URL: at("from-env-local") });
    expect(host({ environment: {} })).toBe("from-env-local");
    expect(host({ environment: { DATABASE_URL: at("from-environment") } })).toBe("from-environment");
  });

  it("is the environment even where --env-file says otherwise, which is warned of", () => {
    write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
    const warnings = (environment: Record<string, string>) =>
      loadConfig(input({ environment, envFile: "other.env" }), "both").warnings;
    expect(warnings({ DATABASE_URL: at("from-environment") })).toContain(
      "DATABASE_URL of the environment is used, not that of other.env.",
    );
    expect(warnings({ DATABASE_URL: at("from-other") })).not.toContainEqual(
      expect.stringContaining("is used"),
    );
    expect(warnings({ DATABASE_URL: " " })).not.toContainEqual(expect.stringContaining("is used"));
  });

  it("is the file of --env-file instead of both", () => {
    write(".env", COMPLETE);
    write(".env.local", { DATABASE_URL: at("from-env-local") });
    write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
    expect(host({ environment: {}, envFile: "other.env" })).toBe("from-other");
    expect(host({ environment: { DATABASE_URL: at("from-environment") }, envFile: "other.env" })).toBe(
      "from-environment",
    );
  });

  it("may be NEON_DATABASE_URL, after DATABASE_URL of the same place", () => {
    const rest = { CONVEX_URL: COMPLETE.CONVEX_URL, CONVEX_SYNC_AUTH_KEY: COMPLETE.CONVEX_SYNC_AUTH_KEY };
    expect(host({ environment: { ...rest, NEON_DATABASE_URL: at("neon") } })).toBe("neon");
    expect(host({ environment: { ...rest, NEON_DATABASE_URL: at("neon"), DATABASE_URL: at("plain") } })).toBe(
      "plain",
    );
    write(".env", { DATABASE_URL: at("from-env-file") });
    expect(host({ environment: { ...rest, NEON_DATABASE_URL: at("neon") } })).toBe("neon");
  });

  it("passes over an empty value", () => {
    write(".env", { DATABASE_URL: at("from-env-file") });
    expect(host({ environment: { ...COMPLETE, DATABASE_URL: " " } })).toBe("from-env-file");
  });

  it("never becomes part of the process's environment", () => {
    write(".env", { ...COMPLETE, DATAHUB_SYNC_PAGE_ROWS: "7" });
    expect(loadConfig(input({ environment: {} }), "both").config.settings.pageRows).toBe(7);
    expect(process.env["DATAHUB_SYNC_PAGE_ROWS"]).toBeUndefined();
  });

  it("is a flag first of all", () => {
    const environment = { ...COMPLETE, DATAHUB_SYNC_LEASE_SECONDS: "30" };
    expect(loadConfig(input({ environment }), "both").config.settings.leaseSeconds).toBe(30);
    const flagged = loadConfig(input({ environment, flags: { leaseSeconds: "45" } }), "both");
    expect(flagged.config.settings.leaseSeconds).toBe(45);
  });
});

describe("the settings", () => {
  const settings = (environment: Record<string, string>) =>
    loadConfig(input({ environment: { ...COMPLETE, ...environment } }), "both").config.settings;

  it("have defaults", () => {
    expect(settings({})).toEqual({
      leaseSeconds: 90,
      maxInFlight: 4,
      pageRows: 500,
      writeBytesPerSecond: 3.4 * 1024 * 1024,
      callTimeoutMs: 60_000,
      runDeadlineMs: 3 * 60 * 60 * 1000,
      logDir: join(cwd, "logs"),
      logLevel: "info",
    });
  });

  it("limit the write rate in Convex's cloud only, unless told", () => {
    expect(settings({ CONVEX_URL: "http://127.0.0.1:3210" }).writeBytesPerSecond).toBe(Infinity);
    expect(settings({ DATAHUB_SYNC_WRITE_MIB_PER_SECOND: "7.5" }).writeBytesPerSecond).toBe(
      7.5 * 1024 * 1024,
    );
    expect(settings({ DATAHUB_SYNC_WRITE_MIB_PER_SECOND: "unlimited" }).writeBytesPerSecond).toBe(Infinity);
  });

  it.each([
    ["DATAHUB_SYNC_LEASE_SECONDS", "0", "must be a whole number from 1 to 3600"],
    ["DATAHUB_SYNC_LEASE_SECONDS", "1.5", "must be a whole number from 1 to 3600"],
    ["DATAHUB_SYNC_MAX_IN_FLIGHT", "257", "must be a whole number from 1 to 256"],
    ["DATAHUB_SYNC_PAGE_ROWS", "-1", "must be a whole number from 1 to 10000"],
    ["DATAHUB_SYNC_PAGE_ROWS", "9".repeat(16), "must be a whole number from 1 to 10000"],
    ["DATAHUB_SYNC_WRITE_MIB_PER_SECOND", "0", 'must be a number above 0 and at most 10000, or "unlimited"'],
    [
      "DATAHUB_SYNC_WRITE_MIB_PER_SECOND",
      "fast",
      'must be a number above 0 and at most 10000, or "unlimited"',
    ],
    ["DATAHUB_SYNC_LOG_LEVEL", "loud", "must be one of error, warn, info, debug"],
  ])("refuse %s=%s", (variable, value, reason) => {
    const error = failure({ environment: { ...COMPLETE, [variable]: value } });
    expect(error.message).toBe(`${variable} (from the environment) ${reason}.`);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 2 });
  });

  it("name a refused flag as the flag", () => {
    const error = failure({ flags: { maxInFlight: "many" } });
    expect(error.message).toBe("--max-in-flight must be a whole number from 1 to 256.");
    expect(error.remedy).toBe("Leave it out for the default: 4.");
    expect(error).toMatchObject({ code: "USAGE", exitCode: 2 });
  });
});

describe("what is missing", () => {
  it("is reported together, with where to get each", () => {
    const error = failure({ environment: {} });
    expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2 });
    expect(error.message.replaceAll(cwd, "/srv/app")).toBe(
      [
        "The configuration has 3 problems:",
        "  1. DATABASE_URL (or NEON_DATABASE_URL) is not set in the environment, and there is no .env.local or .env in /srv/app.",
        '     Copy the connection string that Neon\'s console shows under "Connect".',
        "  2. CONVEX_URL is not set in the environment, and there is no .env.local or .env in /srv/app.",
        '     Copy the deployment URL that Convex\'s dashboard shows under "Settings", "URL & Deploy Key".',
        "  3. CONVEX_SYNC_AUTH_KEY is not set in the environment, and there is no .env.local or .env in /srv/app.",
        "     Make one with `openssl rand -hex 32` and give the deployment the same: `npx convex env set CONVEX_SYNC_AUTH_KEY …`.",
      ].join("\n"),
    );
    expect(error.remedy).toBe("Mend these and run the command again. .env.example explains every variable.");
  });

  it("names the files that were read", () => {
    write(".env", { ...COMPLETE, CONVEX_URL: "" });
    const error = failure({ environment: {} });
    expect(error.message).toBe("CONVEX_URL is not set in the environment or in .env.");
  });

  it("includes a copied placeholder", () => {
    for (const option of ["databaseUrl", "convexUrl", "syncKey"] as const) {
      const { variables, required } = OPTIONS[option];
      const error = failure({ environment: { ...COMPLETE, [variables[0]]: required.placeholder } });
      expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2, remedy: required.whereToGet });
      expect(error.message).toBe(
        `${variables[0]} (from the environment) still has the placeholder of .env.example.`,
      );
    }
  });

  it("is an --env-file that does not exist", () => {
    const error = failure({ envFile: "prod.env" });
    expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2 });
    expect(error.message).toBe("There is no file prod.env, which --env-file names.");
  });

  it("is an --env-file that is a directory", () => {
    mkdirSync(join(cwd, "envs"));
    expect(failure({ envFile: "envs" }).message).toBe("The env file envs cannot be read (EISDIR).");
  });

  it("does not matter to a command that leaves Convex alone", () => {
    const { config } = loadConfig(input({ environment: { DATABASE_URL: DATABASE } }), "source");
    expect(config).not.toHaveProperty("convex");
    expect(failure({ environment: {} }, "source").message).toMatch(/^DATABASE_URL .* is not set/);
  });

  it("comes with what is wrong", () => {
    write("datahub-sync.config.json", '{"tables": []}');
    const error = failure({ environment: { DATABASE_URL: "nonsense" } });
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 2 });
    expect(error.message.match(/^ {2}\d\. .*/gm)).toEqual([
      expect.stringContaining("CONVEX_URL is not set"),
      expect.stringContaining("CONVEX_SYNC_AUTH_KEY is not set"),
      expect.stringContaining("DATABASE_URL (from the environment) is not a Postgres connection string"),
      expect.stringContaining("tables is empty"),
    ]);
  });
});

describe("the tables", () => {
  const names = (given: Partial<ConfigInput>) =>
    loadConfig(input(given), "both").config.mirrors.map(({ mirror }) => mirror);

  it("are the seven without a configuration file, sync_timestamp ignored", () => {
    const { mirrors } = loadConfig(input(), "both").config;
    expect(mirrors.map(({ mirror }) => mirror)).toEqual([
      "sow_poles",
      "sow_drops",
      "nokia_exports",
      "onemap_installations",
      "onemap_poles",
      "lawley_activations",
      "mohadin_activations",
    ]);
    for (const { ignore } of mirrors) expect(ignore).toEqual(["sync_timestamp"]);
  });

  it("are those of the file in the working directory, or of the file that is named", () => {
    write("datahub-sync.config.json", '{"tables": [{"relation": "here"}]}');
    write("other.json", '{"tables": [{"relation": "there"}]}');
    expect(names({})).toEqual(["here"]);
    expect(names({ environment: { ...COMPLETE, DATAHUB_SYNC_CONFIG: "other.json" } })).toEqual(["there"]);
    expect(names({ flags: { configFile: "other.json" } })).toEqual(["there"]);
    expect(failure({ flags: { configFile: "none.json" } }).message).toBe(
      "There is no configuration file none.json.",
    );
  });

  it("are chosen by mirror or by relation, in the configuration's order", () => {
    write(
      "datahub-sync.config.json",
      JSON.stringify({
        tables: [
          { relation: "a" },
          { relation: "reports.b", mirror: "bees" },
          { relation: "c", mirror: "d" },
          { relation: "d", mirror: "dees" },
        ],
      }),
    );
    expect(names({ tables: ["bees", "a"] })).toEqual(["a", "bees"]);
    expect(names({ tables: ["reports.b"] })).toEqual(["bees"]);
    expect(names({ tables: ["c"] })).toEqual(["d"]);
    expect(names({ tables: ["d"] })).toEqual(["d"]);
    expect(names({ tables: ["public.d"] })).toEqual(["dees"]);
    const error = failure({ tables: ["b"] });
    expect(error).toMatchObject({ code: "USAGE", exitCode: 2 });
    expect(error.message).toBe("--table b: the configuration has no such table.");
    expect(error.remedy).toBe("It has a, bees (from reports.b), d (from c), dees (from d).");
  });

  it("may lose documents only where --allow-deletes names them and the run has them", () => {
    expect(loadConfig(input({ allowDeletes: ["sow_poles"] }), "both").allowDeletes).toEqual(["sow_poles"]);
    expect(failure({ allowDeletes: ["poles"] }).message).toBe(
      "--allow-deletes poles: the configuration has no such table.",
    );
    expect(failure({ tables: ["sow_drops"], allowDeletes: ["sow_poles"] }).message).toBe(
      "--allow-deletes sow_poles: this run leaves the table out.",
    );
  });
});

describe("secrets (invariant 11)", () => {
  it("are not in a loaded configuration, however it is printed", () => {
    const loaded = loadConfig(input(), "both");
    expect(loaded.secrets.map((secret) => secret.reveal())).toEqual(
      expect.arrayContaining([DATABASE, "pw-of-owner", COMPLETE.CONVEX_SYNC_AUTH_KEY]),
    );
    for (const shown of [inspect(loaded, { depth: 9, showHidden: true }), JSON.stringify(loaded)]) {
      expect(shown).toContain("happy-otter-123");
      expect(shown).not.toContain("pw-of-owner");
      expect(shown).not.toContain(COMPLETE.CONVEX_SYNC_AUTH_KEY);
    }
  });

  it("are not in an error", () => {
    const error = failure({
      environment: {
        ...COMPLETE,
        DATABASE_URL: `${DATABASE}&password=x`,
        CONVEX_URL: "https://u:pw-of-owner@h",
      },
    });
    expect(error.message).toContain("2 problems");
    expect(inspect(error)).not.toContain("pw-of-owner");
  });
});
