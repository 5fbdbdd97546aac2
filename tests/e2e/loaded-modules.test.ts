import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CliProcess } from "./cli-process.js";

const LIST_MODULES = new URL("fixtures/list-modules.js", import.meta.url).href;

let cli: CliProcess;
beforeEach(async () => {
  cli = await CliProcess.create({ NODE_OPTIONS: `--import ${LIST_MODULES}` });
});
afterEach(() => cli.remove());

interface Loaded {
  code: number | null;
  /** Names of packages. */
  packages: Set<string>;
  /** Folders of the built program, as `src/sync`. */
  folders: Set<string>;
}

async function load(args: string[], variables: Record<string, string> = {}): Promise<Loaded> {
  const list = join(cli.folder, "modules");
  const { code } = await cli.run(args, { MODULE_LIST: list, ...variables });
  const urls = readFileSync(list, "utf8").split("\n");
  const all = (pattern: RegExp) => new Set(urls.flatMap((url) => pattern.exec(url)?.[1] ?? []));
  return {
    code,
    packages: all(/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//),
    folders: all(/\/dist\/(?!.*\/node_modules\/)(.+)\/[^/]+$/),
  };
}

describe("what a command loads", () => {
  it.each(["--help", "--version", "sync --help", "status --help", "migrate --help", "local --help", ""])(
    "`datahub-sync %s` loads commander, and nothing that works",
    async (line) => {
      const { code, packages, folders } = await load(line.split(" ").filter(Boolean));
      expect(code).toBe(line === "" ? 2 : 0);
      expect([...packages]).toEqual(["commander"]);
      expect([...folders].sort()).toEqual(["src", "src/cli", "src/config", "src/model"]);
    },
  );

  it("a run loads neither what checks a configuration file that is not there, nor the local deployment", async () => {
    // A free port: whoever connects is refused.
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { code, packages, folders } = await load(["sync"], {
      DATABASE_URL: `postgresql://u:p@127.0.0.1:${port}/app`,
      CONVEX_URL: `http://127.0.0.1:${port}`,
      CONVEX_SYNC_AUTH_KEY: "the-key-of-the-sync",
    });
    expect(code).toBe(1);
    expect([...packages].sort()).toEqual([
      ...[
        "cli-progress",
        "cli-table3",
        "commander",
        "convex",
        "dotenv",
        "drizzle-orm",
        "p-limit",
        "picocolors",
      ],
      ...["postgres", "winston", "yocto-queue"],
    ]);
    expect([...folders].filter((folder) => folder.startsWith("local"))).toEqual([]);
  });
});
