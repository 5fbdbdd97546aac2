import { expect } from "vitest";
import type { Clock } from "../../src/model/clock.js";
import type { LocalDeploymentOptions } from "../../local/convex/deployment.js";
import type { Faults } from "../../local/convex/faults.js";
import { hurriedClock, SMALL_PAGES, useMirrors, type MirrorFixture } from "./mirror-fixture.js";

/** Every backoff is the shortest there is. */
export const calmClock: Clock = { ...hurriedClock, random: () => 0 };

export interface FaultyMirror {
  mirror: MirrorFixture;
  set: (faults: Faults) => void;
  /** Nothing goes wrong any more. */
  mend: () => void;
}

/** Opens mirrors of twenty rows, in pages of three, each on a deployment whose faults can be changed. */
export function useFaultyMirrors(): (deployment?: Partial<LocalDeploymentOptions>) => Promise<FaultyMirror> {
  const open = useMirrors();
  return async (deployment = {}) => {
    let current: Faults = () => null;
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
      settings: { pageRows: 3, ...SMALL_PAGES },
      deployment: { faults: (point, request) => current(point, request), ...deployment },
    });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
    return { mirror, set: (faults) => (current = faults), mend: () => (current = () => null) };
  };
}

export async function expectNothingSetAside({ sql, config }: MirrorFixture): Promise<void> {
  const mirrors = config.mirrors.map(({ name }) => name);
  expect(await sql`SELECT key FROM datahub_sync.rejected_rows WHERE mirror = ANY (${mirrors})`).toHaveLength(
    0,
  );
}
