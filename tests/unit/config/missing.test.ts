import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { OPTIONS } from "../../../src/config/option-table.js";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../../support/config-folder.js";

let folder: ConfigFolder;
beforeEach(() => {
  folder = makeConfigFolder();
});

describe("what is missing", () => {
  it("is reported together, with where to get each", async () => {
    const error = await folder.failure({ environment: {} });
    expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2 });
    expect(error.message.replaceAll(folder.cwd, "/srv/app")).toBe(
      [
        "The configuration has 3 problems:",
        "  1. DATABASE_URL (or NEON_DATABASE_URL) is not set in the environment, and there is no .env.local or .env in /srv/app.",
        '     Copy the connection string that Neon\'s console shows under "Connect".',
        "  2. CONVEX_URL is not set in the environment, and there is no .env.local or .env in /srv/app.",
        '     Copy the deployment URL that Convex\'s dashboard shows under "Settings", "URL & Deploy Key".',
        "  3. CONVEX_SYNC_AUTH_KEY is not set in the environment, and there is no .env.local or .env in /srv/app.",
        "     Make one with `openssl rand -hex 32` and give the deployment the same: `npx convex env set CONVEX_SYNC_AUTH_KEY` asks for it.",
      ].join("\n"),
    );
    expect(error.remedy).toBe("Mend these and run the command again. .env.example explains every variable.");
  });

  it("names the files that were read", async () => {
    folder.write(".env", { ...COMPLETE, CONVEX_URL: "" });
    const error = await folder.failure({ environment: {} });
    expect(error.message).toBe("CONVEX_URL is not set in the environment or in .env.");
  });

  it("includes a copied placeholder", async () => {
    for (const option of ["databaseUrl", "convexUrl", "syncKey"] as const) {
      const { variables, required } = OPTIONS[option];
      const error = await folder.failure({
        environment: { ...COMPLETE, [variables[0]]: required.placeholder },
      });
      expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2, remedy: required.whereToGet });
      expect(error.message).toBe(
        `${variables[0]} (from the environment) still has the placeholder of .env.example.`,
      );
    }
  });

  it("is an --env-file that does not exist", async () => {
    const error = await folder.failure({ envFile: "prod.env" });
    expect(error).toMatchObject({ code: "CONFIG_MISSING", exitCode: 2 });
    expect(error.message).toBe("There is no file prod.env, which --env-file names.");
  });

  it("is an --env-file that is a directory", async () => {
    mkdirSync(join(folder.cwd, "envs"));
    expect((await folder.failure({ envFile: "envs" })).message).toBe(
      "The env file envs cannot be read (EISDIR).",
    );
  });

  it("does not matter to a command that leaves Convex alone", async () => {
    const { config } = await folder.loadSource({ environment: { DATABASE_URL: COMPLETE.DATABASE_URL } });
    expect(config).not.toHaveProperty("convex");
    expect((await folder.failure({ environment: {} }, "source")).message).toMatch(
      /^DATABASE_URL .* is not set/,
    );
  });

  it("is for a command that leaves Convex alone no more than whose mirrors these are", async () => {
    const target = async (given: string) =>
      (await folder.loadSource({ environment: { DATABASE_URL: COMPLETE.DATABASE_URL, CONVEX_URL: given } }))
        .config.target;
    expect(await target("")).toBe("");
    expect(await target(`${COMPLETE.CONVEX_URL}/`)).toBe(COMPLETE.CONVEX_URL);
    expect(await target("nonsense")).toBe(""); // for the other commands to refuse
    const { config } = await folder.load();
    expect(config.target).toBe(config.convex.url);
  });

  it("comes with what is wrong", async () => {
    folder.write("datahub-sync.config.json", '{"tables": []}');
    const error = await folder.failure({ environment: { DATABASE_URL: "nonsense" } });
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 2 });
    expect(error.message.match(/^ {2}\d\. .*/gm)).toEqual([
      expect.stringContaining("CONVEX_URL is not set"),
      expect.stringContaining("CONVEX_SYNC_AUTH_KEY is not set"),
      expect.stringContaining("DATABASE_URL (from the environment) is not a Postgres connection string"),
      expect.stringContaining("tables is empty"),
    ]);
  });
});
