import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Makes an empty folder that is gone when the running test has ended. For a test, or a `beforeEach`. */
export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "datahub-sync-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
