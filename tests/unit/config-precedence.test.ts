import { beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config/load-config.js";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../support/config-folder.js";

let folder: ConfigFolder;
beforeEach(() => {
  folder = makeConfigFolder();
});

describe("where a variable comes from", () => {
  const host = (given: Partial<ConfigInput>) => folder.load(given).config.database.host;
  const at = (name: string) => `postgresql://u:pass@${name}/app`;

  it("is the environment, then .env.local, then .env", () => {
    folder.write(".env", { ...COMPLETE, DATABASE_URL: at("from-env-file") });
    expect(host({ environment: {} })).toBe("from-env-file");
    folder.write(".env.local", { DATABASE_URL: at("from-env-local") });
    expect(host({ environment: {} })).toBe("from-env-local");
    expect(host({ environment: { DATABASE_URL: at("from-environment") } })).toBe("from-environment");
  });

  it("is the environment even where --env-file says otherwise, which is warned of", () => {
    folder.write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
    const warnings = (environment: Record<string, string>) =>
      folder.load({ environment, envFile: "other.env" }).warnings;
    expect(warnings({ DATABASE_URL: at("from-environment") })).toContain(
      "DATABASE_URL of the environment is used, not that of other.env.",
    );
    expect(warnings({ DATABASE_URL: at("from-other") })).not.toContainEqual(
      expect.stringContaining("is used"),
    );
    expect(warnings({ DATABASE_URL: " " })).not.toContainEqual(expect.stringContaining("is used"));
  });

  it("is the file of --env-file instead of both", () => {
    folder.write(".env", COMPLETE);
    folder.write(".env.local", { DATABASE_URL: at("from-env-local") });
    folder.write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
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
    folder.write(".env", { DATABASE_URL: at("from-env-file") });
    expect(host({ environment: { ...rest, NEON_DATABASE_URL: at("neon") } })).toBe("neon");
  });

  it("passes over an empty value", () => {
    folder.write(".env", { DATABASE_URL: at("from-env-file") });
    expect(host({ environment: { ...COMPLETE, DATABASE_URL: " " } })).toBe("from-env-file");
  });

  it("never becomes part of the process's environment", () => {
    folder.write(".env", { ...COMPLETE, DATAHUB_SYNC_PAGE_ROWS: "7" });
    expect(folder.load({ environment: {} }).config.settings.pageRows).toBe(7);
    expect(process.env["DATAHUB_SYNC_PAGE_ROWS"]).toBeUndefined();
  });

  it("is a flag first of all", () => {
    const environment = { ...COMPLETE, DATAHUB_SYNC_LEASE_SECONDS: "30" };
    expect(folder.load({ environment }).config.settings.leaseSeconds).toBe(30);
    const flagged = folder.load({ environment, flags: { leaseSeconds: "45" } });
    expect(flagged.config.settings.leaseSeconds).toBe(45);
  });
});
