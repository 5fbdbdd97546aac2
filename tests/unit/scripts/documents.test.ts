import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import { describe, expect, it, test } from "vitest";
import { generateDocuments } from "../../../scripts/documents/documents.js";
import { OPTION_ROWS } from "../../../src/config/option-table.js";
import { ERROR_CODES } from "../../../src/model/error-codes.js";
import { EXIT_CODES } from "../../../src/model/exit-codes.js";
import { NOTICE_CODES } from "../../../src/model/notice-codes.js";
import { REFUSAL_CODES } from "../../../src/model/refusal-codes.js";
import { packageRoot } from "../../../src/package-root.js";

const documents = await generateDocuments(packageRoot());
const kept = (path: string) => join(packageRoot(), path);

describe("what is written from the code", () => {
  it.each([...documents.keys()])("%s is in step (`npm run generate` renews it)", (path) => {
    expect(existsSync(kept(path)) ? readFileSync(kept(path), "utf8") : null).toBe(documents.get(path));
  });

  it("is all that docs/reference has", () => {
    const pages = readdirSync(kept("docs/reference")).map((name) => `docs/reference/${name}`);
    expect(pages.filter((page) => !documents.has(page))).toEqual([]);
  });

  test.each([
    ["errors.md", Object.keys(ERROR_CODES).map((code) => `### \`${code}\``)],
    ["exit-codes.md", Object.keys(EXIT_CODES).map((code) => `| ${code} `)],
    ["notices.md", Object.keys(NOTICE_CODES).map((code) => `| \`${code}\` `)],
    ["set-aside.md", Object.keys(REFUSAL_CODES).map((code) => `| \`${code}\` `)],
    ["options.md", OPTION_ROWS.map(([, { variables }]) => `| \`${variables[0]}\``)],
    ["commands.md", ["migrate", "untrack", "sync", "status", "local"].map((name) => `## \`${name}\``)],
  ])("%s names all of them", (page, starts) => {
    const lines = documents.get(`docs/reference/${page}`)!.split("\n");
    expect(starts.filter((start) => !lines.some((line) => line.startsWith(start)))).toEqual([]);
  });

  it("sets the required variables only, in .env.example", () => {
    expect(Object.keys(parse(documents.get(".env.example")!))).toEqual([
      "DATABASE_URL",
      "CONVEX_URL",
      "CONVEX_SYNC_AUTH_KEY",
    ]);
  });

  it("says of an option its variables, flag, default and meaning", () => {
    const row = documents
      .get("docs/reference/options.md")!
      .split("\n")
      .find((line) => line.includes("LEASE_SECONDS"));
    expect(row?.split("|").map((cell) => cell.trim())).toEqual([
      "",
      "`DATAHUB_SYNC_LEASE_SECONDS`",
      "`--lease-seconds`",
      "`90`",
      "How long a crashed run keeps others out. A living run renews its lease.",
      "",
    ]);
  });
});
