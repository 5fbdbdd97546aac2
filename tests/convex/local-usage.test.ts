import { getConvexSize, getDocumentSize, type Value } from "convex/values";
import { describe, expect, it } from "vitest";
import { createDeployment } from "./local-fixture.js";

/** Bytes of a note's entries in its two indexes, system fields of the entry included. */
const indexBytes = (note: { key: string; rank?: Value }) => {
  const systemFields = getConvexSize(0) + getConvexSize("0".repeat(32));
  const key = getConvexSize(note.key) + systemFields;
  const rank = (note.rank === undefined ? 1 : getConvexSize(note.rank)) + key;
  return { by_key: key, both: key + rank };
};

describe("the meter counts as Convex bills", () => {
  const note = { key: "a", rank: 1, tags: ["some", "tags"] };
  const size = getDocumentSize(note);

  it("an insertion: the document and its index keys", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note });
    expect(deployment.usage()).toMatchObject({
      calls: 1,
      mutations: 1,
      queries: 0,
      documentsRead: 0,
      bytesRead: 0,
      documentsWritten: 1,
      bytesWritten: size + indexBytes(note).both,
      byTable: { notes: { documentsWritten: 1 } },
    });
  });

  it("a lookup and a replace: two reads and one write", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note });
    deployment.resetUsage();
    const next = { ...note, tags: ["other"] };
    await deployment.runMutation("notes:replaceByKey", { key: "a", note: next });
    expect(deployment.usage()).toMatchObject({
      documentsRead: 2,
      bytesRead: 2 * size + indexBytes(note).by_key,
      documentsWritten: 1,
      bytesWritten: getDocumentSize(next) + indexBytes(next).both,
      largest: { databaseQueries: 2 },
    });
  });

  it("a replace and a patch that change nothing: reads alone", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note });
    deployment.resetUsage();
    await deployment.runMutation("notes:replaceByKey", {
      key: "a",
      note: { tags: note.tags, rank: 1, key: "a" },
    });
    await deployment.runMutation("notes:patchByKey", { key: "a", patch: { rank: 1 }, remove: ["author"] });
    expect(deployment.usage()).toMatchObject({ documentsRead: 4, documentsWritten: 0, bytesWritten: 0 });
  });

  it("a deletion: a document written, no bytes", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note });
    deployment.resetUsage();
    await deployment.runMutation("notes:removeByKey", { key: "a" });
    expect(deployment.usage()).toMatchObject({ documentsRead: 2, documentsWritten: 1, bytesWritten: 0 });
  });

  it("a failed mutation: what it read, and nothing written", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note });
    deployment.resetUsage();
    const wrong = deployment.runMutation("notes:replaceByKey", { key: "a", note: { key: 1 } });
    await expect(wrong).rejects.toThrow("does not match the schema");
    expect(deployment.usage()).toMatchObject({
      calls: 1,
      failedCalls: 1,
      documentsRead: 2,
      documentsWritten: 0,
    });
  });

  it("calls of functions that do not exist, and no call of the CLI's own", async () => {
    const deployment = createDeployment();
    await expect(deployment.runQuery("notes:nothing")).rejects.toThrow();
    await deployment.call(
      "query",
      "_system/cli/tables",
      { paginationOpts: { cursor: null, numItems: 1 } },
      {
        admin: true,
      },
    );
    expect(deployment.usage()).toMatchObject({ calls: 1, queries: 1, failedCalls: 1 });
  });
});
