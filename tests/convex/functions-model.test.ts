import fc from "fast-check";
import { expect, it } from "vitest";
import { NOTHING } from "./planted-mirror.js";
import { row, startTestDeployment, type TestDeployment } from "./test-deployment.js";

/**
 * Random batches and random damage by hand, against a plain Map of what the mirror should hold. Whatever
 * happens, ledger, documents, counts and results agree with it; a deep run's calls mend all damage.
 */
interface Model {
  /** Key to content, as the ledger knows it. */
  ledger: Map<string, string>;
  /** Key to content, as the documents are. A key that only the ledger holds: the document is gone. */
  documents: Map<string, string>;
  strangers: number;
}

const keys = ["", "a", "b", "c", "é", "\uFF5A", "\u{1F600}"];
const key = fc.constantFrom(...keys);
const content = fc.constantFrom("planted", "live", "removed");
const slot = fc.constantFrom(0, 1, 63);
type Step = (mirror: TestDeployment, model: Model) => Promise<void>;

const batch: fc.Arbitrary<Step> = fc
  .record({
    slot,
    force: fc.boolean(),
    rows: fc.uniqueArray(fc.tuple(key, fc.option(content)), { selector: ([name]) => name, maxLength: 5 }),
    again: fc.boolean(),
  })
  .map(({ slot, force, rows, again }): Step => {
    return async (mirror, model) => {
      const upserts = rows.flatMap(([name, status]) => (status === null ? [] : [row(name, status)]));
      const deletions = rows.flatMap(([name, status]) => (status === null ? [name] : []));
      for (let times = again ? 2 : 1; times > 0; times--) {
        const result = { ...NOTHING };
        for (const { key, document } of upserts) {
          if (model.ledger.get(key) === document.status && !force) result.unchanged += 1;
          else {
            result[model.documents.has(key) ? "updated" : "inserted"] += 1;
            model.ledger.set(key, document.status);
            model.documents.set(key, document.status);
          }
        }
        for (const name of deletions) {
          result[model.ledger.delete(name) ? "deleted" : "absent"] += 1;
          model.documents.delete(name);
        }
        expect(await mirror.apply({ slot, force, upserts, deletions })).toEqual(result);
      }
    };
  });

/** A batch with a row that the schema refuses, anywhere in it: nothing of it happens. */
const refusedBatch: fc.Arbitrary<Step> = fc
  .tuple(slot, fc.uniqueArray(key, { maxLength: 5 }), content, fc.nat(5))
  .map(([slot, names, status, at]): Step => {
    return async (mirror) => {
      const upserts: { key: string; hash: string; document: Record<string, unknown> }[] = names.map((name) =>
        row(name, status),
      );
      upserts.splice(at, 0, { key: "refused", hash: "h", document: { status: 7 } });
      await expect(mirror.apply({ slot, upserts })).rejects.toMatchObject({ data: { code: "ROW_FAILED" } });
    };
  });

const documentOf = async (mirror: TestDeployment, name: string) =>
  (await mirror.documents()).find(({ id }) => id === name);

const editByHand: fc.Arbitrary<Step> = fc.tuple(key, content).map(([name, status]): Step => {
  return async (mirror, model) => {
    const document = await documentOf(mirror, name);
    if (!document) return;
    await mirror.edit(document._id, { status });
    model.documents.set(name, status);
  };
});

const wipeByHand: fc.Arbitrary<Step> = key.map((name): Step => {
  return async (mirror, model) => {
    const document = await documentOf(mirror, name);
    if (!document) return;
    await mirror.wipe(document._id);
    model.documents.delete(name);
  };
});

const addStranger: fc.Arbitrary<Step> = fc.constant(async (mirror, model) => {
  await mirror.insertStranger("left by an earlier attempt");
  model.strangers += 1;
});

async function expectAgreement(mirror: TestDeployment, model: Model): Promise<void> {
  const { entries: ledger } = await mirror.listLedger();
  expect(new Map(ledger.map(({ key, hash }) => [key, hash]))).toEqual(
    new Map([...model.ledger].map(([name, status]) => [name, `hash of ${status}`])),
  );
  const { entries: documents } = await mirror.listDocuments();
  const known = documents.filter((entry) => entry.ledger !== null);
  expect(documents.length - known.length).toBe(model.strangers);
  expect(new Map(known.map(({ document }) => [document["id"], document["status"]]))).toEqual(model.documents);
  for (const { ledger, document } of known) expect(ledger?.key).toBe(document["id"]);
  const missing = [...model.ledger.keys()].filter((name) => !model.documents.has(name));
  expect(new Set((await mirror.listMissing()).missing)).toEqual(new Set(missing));
  expect((await mirror.handshake()).rows).toBe(model.ledger.size);
}

/** As a deep run does: what was edited is written again, what is missing too, strangers go. */
async function mend(mirror: TestDeployment, model: Model): Promise<void> {
  const { entries } = await mirror.listDocuments();
  const orphans = entries.filter(({ ledger }) => ledger === null).map(({ id }) => id);
  const upserts = [...model.ledger].map(([name, status]) => row(name, status));
  await mirror.apply({ upserts, orphans, force: true });
  model.strangers = 0;
  model.documents = new Map(model.ledger);
}

it("keeps ledger, documents and counts in agreement with a model, whatever happens", async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: batch },
      { weight: 2, arbitrary: refusedBatch },
      { weight: 1, arbitrary: editByHand },
      { weight: 2, arbitrary: wipeByHand },
      { weight: 1, arbitrary: addStranger },
    ),
    { minLength: 1, maxLength: 15 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (some) => {
      const mirror = startTestDeployment();
      await mirror.begin();
      const model: Model = { ledger: new Map(), documents: new Map(), strangers: 0 };
      for (const step of some) await step(mirror, model);
      await expectAgreement(mirror, model);
      await mend(mirror, model);
      await expectAgreement(mirror, model);
    }),
    { numRuns: 150 },
  );
});
