import { randomUUID } from "node:crypto";
import type { MirrorFixture } from "./mirror-fixture.js";

/** The same mirror, run by a role that owns nothing and may read the table. */
export async function asRunner(mirror: MirrorFixture): Promise<{ runner: MirrorFixture; role: string }> {
  const role = `runner_${randomUUID().slice(0, 8)}`;
  await mirror.run(`CREATE ROLE ${role} LOGIN PASSWORD 'invented'; GRANT SELECT ON $t TO ${role}`);
  const url = new URL(mirror.db.url);
  url.username = role;
  url.password = "invented";
  return { runner: mirror.withDatabase({ ...mirror.db, url: url.href }), role };
}
