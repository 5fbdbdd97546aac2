import { describe, expect, it } from "vitest";
import { reckonKeyRanges, type RangeInputs } from "../../../bench/peers/key-ranges.js";
import { fillPlaces, renderMarkdown, Results } from "../../../bench/results.js";

const place = (id: string, text: string) => `<!-- table: ${id} -->\n\n${text}\n\n<!-- end -->`;

describe("the bench's tables in a document", () => {
  it("take the places of the old ones, and leave what is written between them", () => {
    const before = `# Results\n\n${place("a", "old")}\n\nBy hand.\n\n${place("b", "old")}\n`;
    const after = fillPlaces(before, [
      { id: "b", text: "new b, $& and $1" },
      { id: "a", text: "new a" },
    ]);
    expect(after).toBe(
      `# Results\n\n${place("a", "new a")}\n\nBy hand.\n\n${place("b", "new b, $& and $1")}\n`,
    );
  });

  it("follow at the end where there is no place at all", () => {
    const tables = [
      { id: "a", text: "new a" },
      { id: "b", text: "new b" },
    ];
    expect(fillPlaces("By hand.\n", tables)).toBe(
      `By hand.\n\n${place("a", "new a")}\n\n${place("b", "new b")}\n`,
    );
    expect(fillPlaces(place("b", "old"), tables)).toBe(place("b", "new b"));
    expect(fillPlaces("", [{ id: "a", text: "new" }])).toBe(`${place("a", "new")}\n`);
  });

  it("refuse to leave old figures standing", () => {
    expect(() => fillPlaces(place("gone", "old"), [])).toThrow("gone, which was not measured");
    expect(() => fillPlaces("<!-- table: a -->\n\nold", [{ id: "a", text: "new" }])).toThrow("has no end");
  });

  it("have as many cells in each row as in the head", () => {
    const table = { id: "a", head: ["what", "×"], rows: [["a"]], figures: null };
    expect(() => new Results(() => {}).addTable(table)).toThrow("other columns than its head");
  });

  it("have columns of one width", () => {
    const table = { id: "a", head: ["what", "×"], rows: [["a | b", "1,000"]], figures: null };
    expect(renderMarkdown(table)).toBe("| what   |     × |\n| ------ | ----: |\n| a \\| b | 1,000 |");
  });
});

describe("digests by key range, as they are reckoned", () => {
  const inputs: RangeInputs = {
    rows: 1_000_000,
    fullReads: 250_000_000,
    changed: 10,
    deltasBetweenFulls: 42,
    rowsOfRange: 100,
    digestRead: 150,
    digestWritten: 300,
  };

  it("save what a full run reads, but for the digests", () => {
    expect(reckonKeyRanges(inputs).saved).toBe(250_000_000 - 10_000 * 150);
  });

  it("cost a read and a write a key, where keys are far fewer than ranges", () => {
    const { cost } = reckonKeyRanges(inputs);
    expect(cost).toBeLessThan(42 * 10 * 450);
    expect(cost).toBeGreaterThan(42 * 10 * 450 * 0.99);
  });

  it("cost each range once a batch, where keys are many", () => {
    const { cost } = reckonKeyRanges({ ...inputs, rowsOfRange: 250_000, changed: 4_000 });
    expect(cost).toBeCloseTo(42 * 10 * 4 * 450, 0);
  });

  it("are even where the cost is what they save", () => {
    const { saved, breakEven } = reckonKeyRanges({ ...inputs, rowsOfRange: 1 });
    const changed = (breakEven * inputs.rows) / inputs.deltasBetweenFulls;
    expect(reckonKeyRanges({ ...inputs, rowsOfRange: 1, changed }).cost / saved).toBeCloseTo(1, 3);
  });

  it("are never even where all digests, in every batch, cost less than they save", () => {
    expect(reckonKeyRanges({ ...inputs, rowsOfRange: 1_000_000 }).breakEven).toBe(Infinity);
  });

  it("make batches conflict that have ranges in common", () => {
    expect(reckonKeyRanges({ ...inputs, rowsOfRange: 1 }).shared).toBeCloseTo(0.16, 2);
    expect(reckonKeyRanges({ ...inputs, rowsOfRange: 10_000 }).shared).toBeGreaterThan(90);
  });
});
