import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { NOTHING_DEPLOYED } from "../../local/convex/nothing-deployed.js";
import { serveLocalDeployment } from "../../local/convex/serve.js";
import { findBuiltCli } from "../support/built-cli.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

interface Report {
  steps: { step: string; exitCode: number; report?: { totals?: Record<string, number> } }[];
}

test("the script of docs/ tries a deployment, and its report holds neither secret nor address", async () => {
  await findBuiltCli(); // what it runs
  const deployment = LocalDeployment.create({ ...NOTHING_DEPLOYED, env: {} });
  const served = await serveLocalDeployment(deployment);
  onTestFinished(() => served.close());
  const { stdout } = await run(
    process.execPath,
    ["--import", "tsx", "docs/try-deployment.ts", "--throw-away", "--scale", "0.02"],
    {
      cwd: root,
      env: {
        PATH: process.env["PATH"],
        CONVEX_SELF_HOSTED_URL: served.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: deployment.adminKey,
      },
    },
  );
  const { steps } = JSON.parse(stdout) as Report;
  const codes = Object.fromEntries(steps.map(({ step, exitCode }) => [step.split(" (")[0]!, exitCode]));
  expect(codes).toEqual({
    "deploy functions that plant documents": 0,
    "plant 5 documents": 0,
    "set the sync key": 0,
    "deploy over them": 0,
    migrate: 0,
    doctor: 0,
    "first load": 5,
    "remove the planted documents": 0,
    "deep run, with nothing to mend": 0,
    "1000 updates": 0,
    "nothing to do": 0,
    verify: 0,
  });
  for (const secret of [deployment.adminKey, served.url, new URL(served.url).host])
    expect(stdout).not.toContain(secret);
}, 120_000);
