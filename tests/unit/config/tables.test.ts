import { beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../../src/config/load-config.js";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../../support/config-folder.js";

let folder: ConfigFolder;
beforeEach(() => {
  folder = makeConfigFolder();
});

describe("the tables", () => {
  const names = async (given: Partial<ConfigInput>) =>
    (await folder.load(given)).config.mirrors.map(({ name }) => name);

  it("are the seven without a configuration file, sync_timestamp ignored, updated_at by content", async () => {
    const { mirrors } = (await folder.load()).config;
    expect(mirrors.map(({ name }) => name)).toEqual([
      "sow_poles",
      "sow_drops",
      "nokia_exports",
      "onemap_installations",
      "onemap_poles",
      "lawley_activations",
      "mohadin_activations",
    ]);
    for (const { ignore, updatedAt } of mirrors) {
      expect(ignore).toEqual(["sync_timestamp"]);
      expect(updatedAt).toBe("content");
    }
  });

  it("are those of the file in the working directory, or of the file that is named", async () => {
    folder.write("datahub-sync.config.json", '{"tables": [{"relation": "here"}]}');
    folder.write("other.json", '{"tables": [{"relation": "there"}]}');
    expect(await names({})).toEqual(["here"]);
    expect(await names({ environment: { ...COMPLETE, DATAHUB_SYNC_CONFIG: "other.json" } })).toEqual([
      "there",
    ]);
    expect(await names({ flags: { configFile: "other.json" } })).toEqual(["there"]);
    expect((await folder.failure({ flags: { configFile: "none.json" } })).message).toBe(
      "There is no configuration file none.json.",
    );
  });

  it("are chosen by mirror or by relation, in the configuration's order", async () => {
    folder.write(
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
    expect(await names({ tables: ["bees", "a"] })).toEqual(["a", "bees"]);
    expect(await names({ tables: ["reports.b"] })).toEqual(["bees"]);
    expect(await names({ tables: ["c"] })).toEqual(["d"]);
    expect(await names({ tables: ["d"] })).toEqual(["d"]);
    expect(await names({ tables: ["public.d"] })).toEqual(["dees"]);
    const error = await folder.failure({ tables: ["b"] });
    expect(error).toMatchObject({ code: "USAGE", exitCode: 2 });
    expect(error.message).toBe("--table b: the configuration has no such table.");
    expect(error.remedy).toBe("It has a, bees (from reports.b), d (from c), dees (from d).");
  });

  it("are known in all where a command works on some: those of one table are tracked together", async () => {
    const { config } = await folder.load({ tables: ["sow_drops"] });
    expect(config.mirrors.map(({ name }) => name)).toEqual(["sow_drops"]);
    expect(config.allMirrors).toEqual((await folder.load()).config.mirrors);
  });

  it("may lose documents only where --allow-deletes names them and the run has them", async () => {
    expect((await folder.load({ allowDeletes: ["sow_poles"] })).allowDeletes).toEqual(["sow_poles"]);
    expect((await folder.failure({ allowDeletes: ["poles"] })).message).toBe(
      "--allow-deletes poles: the configuration has no such table.",
    );
    expect((await folder.failure({ tables: ["sow_drops"], allowDeletes: ["sow_poles"] })).message).toBe(
      "--allow-deletes sow_poles: this run leaves the table out.",
    );
  });
});
