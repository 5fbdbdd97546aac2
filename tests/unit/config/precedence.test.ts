import { beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../../src/config/load-config.js";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../../support/config-folder.js";

let folder: ConfigFolder;
beforeEach(() => {
  folder = makeConfigFolder();
});

describe("where a variable comes from", () => {
  const host = async (given: Partial<ConfigInput>) => (await folder.load(given)).config.database.host;
  const at = (name: string) => `postgresql://u:pass@${name}/app`;

  it("is the environment, then .env.local, then .env", async () => {
    folder.write(".env", { ...COMPLETE, DATABASE_URL: at("from-env-file") });
    expect(await host({ environment: {} })).toBe("from-env-file");
    folder.write(".env.local", { DATABASE_URL: at("from-env-local") });
    expect(await host({ environment: {} })).toBe("from-env-local");
    expect(await host({ environment: { DATABASE_URL: at("from-environment") } })).toBe("from-environment");
  });

  it("is the environment even where --env-file says otherwise, which is warned of", async () => {
    folder.write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
    const warnings = async (environment: Record<string, string>) =>
      (await folder.load({ environment, envFile: "other.env" })).warnings;
    expect(await warnings({ DATABASE_URL: at("from-environment") })).toContain(
      "DATABASE_URL of the environment is used, not that of other.env.",
    );
    expect(await warnings({ DATABASE_URL: at("from-other") })).not.toContainEqual(
      expect.stringContaining("is used"),
    );
    expect(await warnings({ DATABASE_URL: " " })).not.toContainEqual(expect.stringContaining("is used"));
  });

  it("is the file of --env-file instead of both", async () => {
    folder.write(".env", COMPLETE);
    folder.write(".env.local", { DATABASE_URL: at("from-env-local") });
    folder.write("other.env", { ...COMPLETE, DATABASE_URL: at("from-other") });
    expect(await host({ environment: {}, envFile: "other.env" })).toBe("from-other");
    expect(await host({ environment: { DATABASE_URL: at("from-environment") }, envFile: "other.env" })).toBe(
      "from-environment",
    );
  });

  it("may be NEON_DATABASE_URL, after DATABASE_URL of the same place", async () => {
    const rest = { CONVEX_URL: COMPLETE.CONVEX_URL, CONVEX_SYNC_AUTH_KEY: COMPLETE.CONVEX_SYNC_AUTH_KEY };
    expect(await host({ environment: { ...rest, NEON_DATABASE_URL: at("neon") } })).toBe("neon");
    expect(
      await host({ environment: { ...rest, NEON_DATABASE_URL: at("neon"), DATABASE_URL: at("plain") } }),
    ).toBe("plain");
    folder.write(".env", { DATABASE_URL: at("from-env-file") });
    expect(await host({ environment: { ...rest, NEON_DATABASE_URL: at("neon") } })).toBe("neon");
  });

  it("passes over an empty value", async () => {
    folder.write(".env", { DATABASE_URL: at("from-env-file") });
    expect(await host({ environment: { ...COMPLETE, DATABASE_URL: " " } })).toBe("from-env-file");
  });

  it("never becomes part of the process's environment", async () => {
    folder.write(".env", { ...COMPLETE, DATAHUB_SYNC_PAGE_ROWS: "7" });
    expect((await folder.load({ environment: {} })).config.settings.pageRows).toBe(7);
    expect(process.env["DATAHUB_SYNC_PAGE_ROWS"]).toBeUndefined();
  });

  it("is a flag first of all", async () => {
    const environment = { ...COMPLETE, DATAHUB_SYNC_LEASE_SECONDS: "30" };
    expect((await folder.load({ environment })).config.settings.leaseSeconds).toBe(30);
    const flagged = await folder.load({ environment, flags: { leaseSeconds: "45" } });
    expect(flagged.config.settings.leaseSeconds).toBe(45);
  });
});
