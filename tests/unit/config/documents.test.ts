import { existsSync, readFileSync } from "node:fs";
import { parse } from "dotenv";
import { describe, expect, it } from "vitest";
import { envExample, optionsMarkdown, renewReadme } from "../../../src/config/option-documents.js";
import { OPTION_ROWS } from "../../../src/config/option-table.js";

const root = new URL("../../../", import.meta.url);

describe("documents written from the table of options", () => {
  it(".env.example is in step, and sets the required variables only", () => {
    const text = readFileSync(new URL(".env.example", root), "utf8");
    expect(text).toBe(envExample());
    expect(Object.keys(parse(text))).toEqual(["DATABASE_URL", "CONVEX_URL", "CONVEX_SYNC_AUTH_KEY"]);
  });

  it("the README's table names every option", () => {
    const lines = optionsMarkdown().split("\n");
    expect(lines).toHaveLength(2 + OPTION_ROWS.length);
    expect(lines).toContain(
      "| `DATAHUB_SYNC_LEASE_SECONDS` | `--lease-seconds` | `90` | How long a crashed run keeps others out. A living run renews its lease. |",
    );
    expect(lines).toContain(
      "| `DATABASE_URL`, `NEON_DATABASE_URL` |  | required | Connection string of the source database. Neon's pooled endpoint is fine. |",
    );
  });

  it("the README's section is renewed in place, and what stands around it is kept", () => {
    const start = "<!-- options: written by `npm run generate:config`, do not edit -->";
    const readme = `# Title\n\n${start}\n\nold\n\n<!-- /options -->\n\nThe end.\n`;
    expect(renewReadme(readme)).toBe(
      `# Title\n\n${start}\n\n<!-- prettier-ignore -->\n${optionsMarkdown()}\n\n<!-- /options -->\n\nThe end.\n`,
    );
    expect(renewReadme("# Title\n")).toBe("# Title\n");
  });

  it("the README is in step", () => {
    const readme = new URL("README.md", root);
    const text = existsSync(readme) ? readFileSync(readme, "utf8") : "";
    expect(text).toBe(renewReadme(text));
  });

  it("every flag is the option's name in kebab case, or the short form that its users know", () => {
    const flags = OPTION_ROWS.filter(([, row]) => row.flag !== null).map(([name, row]) => [
      name,
      row.flag!.split(" ")[0],
    ]);
    const expected = flags.map(([name]) => [
      name,
      name === "configFile"
        ? "--config"
        : `--${name!.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    ]);
    expect(flags).toEqual(expected);
  });
});
