import { expect, test } from "vitest";
import { holdsBack } from "../../../src/sync/deletion-guard.js";

test.each([
  // documents before, inserted, deletions, held back
  [100, 0, 0, false],
  [100, 0, 10, false],
  [100, 0, 11, true],
  [110, 0, 11, false],
  [109, 0, 11, true],
  [5, 0, 5, false],
  [11, 0, 11, true],
  [0, 0, 11, true],
  [1000, 0, 100, false],
  [1000, 0, 101, true],
  [1000, 900, 1000, false],
  [1000, 899, 1000, true],
  [60_000, 0, 6_000, false],
  [60_000, 0, 6_001, true],
  [60_000, 60_000, 60_000, false],
])(
  "invariant 8: of %i documents, with %i new, %i deletions are held back: %s",
  (documentsBefore, inserted, deletions, held) => {
    expect(holdsBack({ documentsBefore, inserted, deletions })).toBe(held);
  },
);
