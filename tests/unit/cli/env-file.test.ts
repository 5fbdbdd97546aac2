import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import { beforeEach, describe, expect, it } from "vitest";
import { refuseForeignEnvFile, removeEnvFile, writeEnvFile } from "../../../src/cli/env-file.js";
import { makeTemporaryFolder } from "../../support/temporary-folder.js";

let path: string;
beforeEach(() => {
  path = join(makeTemporaryFolder(), ".env.demo");
});

const VARIABLES = {
  DATABASE_URL: "postgresql://postgres:pass@127.0.0.1:5432/app?sslmode=disable&application_name=x y",
  CONVEX_URL: "http://127.0.0.1:3210",
  CONVEX_SELF_HOSTED_ADMIN_KEY: 'local|0123abc $HOME `id` # "quoted"',
};

describe("the env file of a local deployment", () => {
  it("is read the same by dotenv and by a shell", () => {
    writeEnvFile(path, VARIABLES);
    expect(parse(readFileSync(path))).toEqual(VARIABLES);
    const names = Object.keys(VARIABLES);
    const script = `. "$1"; printf '%s\\n' ${names.map((name) => `"$${name}"`).join(" ")}`;
    const lines = execFileSync("sh", ["-c", script, "sh", path], { encoding: "utf8" }).trimEnd().split("\n");
    expect(lines).toEqual(Object.values(VARIABLES));
  });

  it("quotes only what needs it", () => {
    writeEnvFile(path, VARIABLES);
    expect(readFileSync(path, "utf8").split("\n")).toContain("CONVEX_URL=http://127.0.0.1:3210");
  });

  it("is for its owner alone, also where a file stood", () => {
    writeEnvFile(path, {});
    rmSync(path);
    writeFileSync(path, "", { mode: 0o644 });
    writeEnvFile(path, VARIABLES);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("never takes the place of somebody's secrets, and is removed only if it is ours", () => {
    writeFileSync(path, "DATABASE_URL=postgresql://production\n");
    expect(() => refuseForeignEnvFile(path)).toThrow(/would overwrite .*\.env\.demo/);
    removeEnvFile(path);
    expect(existsSync(path)).toBe(true);
    rmSync(path);
    refuseForeignEnvFile(path);
    writeEnvFile(path, VARIABLES);
    refuseForeignEnvFile(path);
    removeEnvFile(path);
    expect(existsSync(path)).toBe(false);
  });
});
