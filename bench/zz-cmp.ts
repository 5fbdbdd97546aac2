import postgres from "postgres";
import { readFileSync, readdirSync } from "node:fs";
import { SUBJECTS, measureWriters } from "./writers.js";
const base = process.argv[2]!;
const ports = { db: base };
async function make(name: string, dir: string) {
  const admin = postgres(base.replace(/\/datahub$/, "/postgres"), { onnotice: () => {} });
  await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE plain`);
  await admin.end();
  const sql = postgres(base.replace(/\/datahub$/, "/" + name), { max: 1, onnotice: () => {} });
  for (const f of readdirSync(dir).filter((f) => f.endsWith(".sql") && !f.includes("default")).sort()) await sql.unsafe(readFileSync(`${dir}/${f}`, "utf8"));
  return sql;
}
const old = await make("cmp_old", "/tmp/oldmig");
const now = await make("cmp_new", "/work/main/migrations");
for (const s of SUBJECTS) {
  if (process.argv[3] && s.name !== process.argv[3]) continue;
  const a = await measureWriters(old, s, async (t) => { await old.unsafe(`SELECT datahub_sync.track('${t}', NULL, ARRAY['sync_timestamp'])`); });
  const b = await measureWriters(now, s);
  for (const [what, c] of b) {
    const o = a.get(what)!; const u = c.get("untracked")!, t = c.get("tracked")!, f = c.get("empty trigger")!, ou = o.get("untracked")!, ot = o.get("tracked")!;
    console.log(`${s.name.padEnd(7)}${what.padEnd(38)} none ${u.durationMs.toFixed(1).padStart(8)} empty ${f.durationMs.toFixed(1).padStart(8)} old ${ot.durationMs.toFixed(1).padStart(8)} (${(ot.durationMs/ou.durationMs).toFixed(1)}x) new ${t.durationMs.toFixed(1).padStart(8)} (${(t.durationMs/u.durationMs).toFixed(1)}x)  new/old ${(t.durationMs/ot.durationMs).toFixed(2)}  wal ${(ot.walBytes/1e6).toFixed(2)} -> ${(t.walBytes/1e6).toFixed(2)} none ${(u.walBytes/1e6).toFixed(2)}`);
  }
}
await old.end(); await now.end();
