import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { ConvexCli } from "../e2e/convex-cli.js";

const schema = defineSchema({
  people: defineTable({ name: v.string(), born: v.int64() }).index("by_name", ["name"]),
  things: defineTable({
    ...{ bytes: v.bytes(), number: v.number(), anything: v.any() },
    either: v.union(v.int64(), v.string()),
    nested: v.optional(v.record(v.string(), v.array(v.int64()))),
  }),
  links: defineTable({ person: v.id("people") }),
  extra: defineTable(v.any()),
});
/** The same in another order: its tables have other numbers. */
const elsewhere = defineSchema({
  extra: defineTable(v.any()),
  links: schema.tables.links,
  things: schema.tables.things,
  people: schema.tables.people,
});

interface Served {
  deployment: LocalDeployment;
  cli: ConvexCli;
  served: ServedDeployment;
}

async function start(of: typeof schema | typeof elsewhere): Promise<Served> {
  const deployment = LocalDeployment.create({ schema: of, modules: {} });
  const served = await serveLocalDeployment(deployment);
  return {
    deployment,
    served,
    cli: await ConvexCli.create({ url: served.url, adminKey: deployment.adminKey }),
  };
}

const documents = (deployment: LocalDeployment) =>
  Object.fromEntries(
    deployment
      .tableNames()
      .sort()
      .map((table) => [table, [...deployment.tableDocuments(table)]]),
  );

let one: Served;
let other: Served;
beforeAll(async () => {
  [one, other] = await Promise.all([start(schema), start(elsewhere)]);
  const { deployment } = one;
  const person = deployment.insert("people", { name: "Ada", born: 1815n });
  deployment.insert("people", { name: "Ünïcode \u2028", born: -(2n ** 63n) });
  deployment.insert("links", { person });
  deployment.insert("things", {
    ...{ bytes: new Uint8Array([0, 255, 7]).buffer, number: NaN, anything: { text: "12" }, either: 12n },
    nested: { a: [1n, 2n] },
  });
  deployment.insert("things", {
    ...{ bytes: new ArrayBuffer(0), number: -Infinity, anything: null, either: "twelve" },
  });
});
afterAll(async () => {
  for (const { served, cli } of [one, other]) {
    await served.close();
    await cli.remove();
  }
});

const importing = async ({ cli }: Served, file: string, text: string, ...args: string[]) => {
  const path = join(cli.folder, file);
  await writeFile(path, text);
  return cli.attempt("import", path, ...args);
};

describe("npx convex export and import", () => {
  test("carry every document to a deployment whose tables have other numbers, ids and types included", async () => {
    const zip = join(one.cli.folder, "backup.zip");
    await one.cli.run("export", "--path", zip);
    other.deployment.insert("extra", { old: true });
    expect(await other.cli.attempt("import", zip, "--replace-all", "--yes")).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("extra: 0 to add, 1 to delete") as unknown,
    });
    expect(documents(other.deployment)).toEqual(documents(one.deployment));
    // Tables go on to have numbers of their own.
    const person = other.deployment.insert("people", { name: "Grace", born: 1906n });
    expect(() => other.deployment.insert("links", { person })).not.toThrow();
    expect(() => other.deployment.insert("links", { person: other.deployment.insert("extra", {}) })).toThrow(
      'v.id("people")',
    );
  }, 60_000);

  test("lines and arrays are added to a table, or replace it", async () => {
    const names = () => [...one.deployment.tableDocuments("people")].map(({ name }) => name);
    const before = names();
    const lines = `{"name":"Lin","born":"1950"}\n{"name":"Mae","born":"1956"}\n`;
    const refused = await importing(one, "people.jsonl", lines, "--table", "people");
    expect(refused).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining('Table "people" already has documents: use `--append`') as unknown,
    });
    const added = await importing(one, "people.jsonl", lines, "--table", "people", "--append");
    expect(added).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("Added 2 documents") as unknown,
    });
    expect(names()).toEqual([...before, "Lin", "Mae"]);
    const array = `[{"name":"Only","born":"1"}]`;
    await importing(one, "people.json", array, "--table", "people", "--replace", "--yes");
    expect(names()).toEqual(["Only"]);
  }, 60_000);

  test.each([
    ["CSV", "extra.csv", "a,b\n1,2\n", "and no CSV"],
    [
      "a line that is no JSON",
      "extra.jsonl",
      '{"a":1}\n{"secret\n',
      'Document 2 of table "extra" is no JSON.',
    ],
    [
      "a line that is no object",
      "extra.jsonl",
      '{"a":1}\n[2]\n',
      'Document 2 of table "extra" is no object.',
    ],
    [
      "an unknown id",
      "extra.jsonl",
      '{"_id":"nobody"}\n',
      'Document 1 of table "extra": its _id is none of this table',
    ],
    [
      "a missing field",
      "people.jsonl",
      '{"name":"A"}\n',
      'Document 1 of table "people": Object is missing the required field `born`',
    ],
    ["a broken ZIP", "bad.zip", "no zip", "This is no ZIP file that can be read"],
  ])("%s is refused, and nothing of it is taken", async (_, file, text, why) => {
    const before = documents(one.deployment);
    const table = file.replace(/\..*/, "");
    const args = file.endsWith(".zip") ? [] : ["--table", table, "--append"];
    const { exitCode, output } = await importing(one, file, text, ...args);
    expect(output).toContain(why);
    expect(output).not.toContain("secret");
    expect(exitCode).toBe(1);
    expect(documents(one.deployment)).toEqual(before);
  });
});
