import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/model/clock.js";
import type { LocalDeployment, LocalDeploymentOptions } from "../../local/convex/deployment.js";
import { randomFaults, type Fault, type FaultPoint, type Faults } from "../../local/convex/faults.js";
import { PLANS } from "../../local/convex/limits.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { VirtualClock } from "../support/virtual-clock.js";
import { createDeployment, pause } from "./local-fixture.js";

/** Real time, but sleeping takes none of it. */
const instantClock = (sleeps: number[]): Clock => ({
  now: () => 0,
  random: () => 0.5,
  uuid: () => crypto.randomUUID(),
  sleep: (ms) => {
    sleeps.push(ms);
    return Promise.resolve();
  },
});

const at =
  (point: FaultPoint, fault: Fault, times = Infinity): Faults =>
  (here) =>
    here === point && times-- > 0 ? fault : null;

describe("injected faults, over real HTTP", () => {
  const open: ServedDeployment[] = [];
  afterEach(async () => {
    for (const served of open.splice(0)) await served.close();
  });

  const serve = async (options: Partial<LocalDeploymentOptions>) => {
    const deployment = createDeployment(options);
    const served = await serveLocalDeployment(deployment);
    open.push(served);
    return { deployment, url: served.url };
  };
  const add = async (url: string) => {
    const response = await fetch(`${url}/api/mutation`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path: "notes:add", args: { note: { key: "a" } } }),
    });
    return { status: response.status, body: (await response.json()) as { code?: string; status?: string } };
  };
  const notes = (deployment: LocalDeployment) => deployment.tableSize("notes");

  it.each<[FaultPoint, number]>([
    ["beforeCall", 0],
    ["beforeCommit", 0],
    ["afterCommit", 1],
    ["beforeAnswer", 1],
  ])("an answer at %s leaves %i documents", async (point, documents) => {
    const fault: Fault = { kind: "answer", status: 503, code: "WorkerOverloaded" };
    const { deployment, url } = await serve({ faults: at(point, fault) });
    const { status, body } = await add(url);
    expect([status, body.code]).toEqual([503, "WorkerOverloaded"]);
    expect(notes(deployment)).toBe(documents);
  });

  it.each<[FaultPoint, number]>([
    ["beforeCall", 0],
    ["beforeCommit", 0],
    ["afterCommit", 1],
    ["beforeAnswer", 1],
    ["midAnswer", 1],
  ])("a connection cut at %s leaves %i documents", async (point, documents) => {
    const { deployment, url } = await serve({ faults: at(point, { kind: "cut" }) });
    await expect(add(url)).rejects.toThrow();
    expect(notes(deployment)).toBe(documents);
  });

  it("cuts in the middle of an answer whose head has arrived", async () => {
    const { url } = await serve({ faults: at("midAnswer", { kind: "cut" }) });
    const response = await fetch(`${url}/api/query`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path: "notes:echo", args: { value: "x".repeat(1_000_000) } }),
    });
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toThrow();
  });

  it.each<FaultPoint>(["beforeCall", "beforeCommit", "afterCommit", "beforeAnswer", "midAnswer"])(
    "a delay at %s changes nothing else",
    async (point) => {
      const sleeps: number[] = [];
      const faults = at(point, { kind: "delay", delayMs: 321 });
      const { deployment, url } = await serve({ faults, clock: instantClock(sleeps) });
      expect(await add(url)).toMatchObject({ status: 200, body: { status: "success" } });
      expect(sleeps).toEqual([321]);
      expect(notes(deployment)).toBe(1);
    },
  );

  it("four conflicts are retried by the server, with backoff; the fifth is answered with 503", async () => {
    const sleeps: number[] = [];
    const clock = instantClock(sleeps);
    const four = await serve({ clock, faults: at("beforeCommit", { kind: "conflict" }, 4) });
    expect(await add(four.url)).toMatchObject({ status: 200 });
    expect(sleeps).toEqual([50, 100, 200, 400]);
    expect(notes(four.deployment)).toBe(1);

    const five = await serve({ clock, faults: at("beforeCommit", { kind: "conflict" }, 5) });
    expect(await add(five.url)).toMatchObject({
      status: 503,
      body: { code: "OptimisticConcurrencyControlFailure" },
    });
    expect(notes(five.deployment)).toBe(0);
  });

  it("tells the hook which call and attempt it is", async () => {
    const seen: string[] = [];
    const faults: Faults = (point, { number, kind, path, attempt }) => {
      seen.push([number, kind, path, point, attempt].join(" "));
      return null;
    };
    const { url } = await serve({ faults });
    await add(url);
    expect(seen).toEqual(
      ["beforeCall", "beforeCommit", "afterCommit", "beforeAnswer", "midAnswer"].map(
        (point) => `1 mutation notes:add ${point} 1`,
      ),
    );
  });

  it("random faults follow from the seed", () => {
    const odds = {
      cutBeforeCall: 0.2,
      conflict: 0.3,
      failedAfterCommit: 0.2,
      tooManyRequests: 0.2,
      delay: 0.2,
    };
    const points: FaultPoint[] = ["beforeCall", "beforeCommit", "afterCommit", "beforeAnswer", "midAnswer"];
    const draw = (seed: number) => {
      const faults = randomFaults(seed, odds);
      const request = { number: 1, kind: "mutation", path: "a:b", attempt: 1 } as const;
      return Array.from({ length: 200 }, (_, i) => faults(points[i % points.length]!, request));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(new Set(draw(7).map((fault) => fault?.kind))).toEqual(
      new Set(["cut", "answer", "conflict", "delay", undefined]),
    );
  });
});

describe("a plan's limits", () => {
  const text = "x".repeat(900_000);

  it("refuses writes past the throughput until the window has passed", async () => {
    const clock = new VirtualClock();
    clock.random = () => 0;
    const deployment = createDeployment({ clock, plan: PLANS.s16 });
    const write = (times: number) => clock.run(deployment.runMutation("notes:addTimes", { times, text }));
    await write(4);
    await write(1); // Passes: 3.6 MB lie below 4 MiB, so it may exceed them.
    await expect(write(1)).rejects.toMatchObject({ status: 429, code: "TooManyWrites" });
    expect(deployment.tableSize("notes")).toBe(5);
    await clock.run(clock.sleep(1001));
    await write(1);
    expect(deployment.tableSize("notes")).toBe(6);
  });

  it("waits and tries again by itself, as after a conflict", async () => {
    const clock = new VirtualClock();
    clock.random = () => 1;
    const deployment = createDeployment({ clock, plan: PLANS.s16 });
    await clock.run(deployment.runMutation("notes:addTimes", { times: 5, text }));
    await clock.run(deployment.runMutation("notes:addTimes", { times: 1, text }));
    expect(clock.sleeps).toEqual([100, 200, 400, 800]);
  });

  it("lets 16 mutations run at once; another waits 5 seconds for a place, and is refused", async () => {
    const clock = new VirtualClock();
    const deployment = createDeployment({ clock, plan: PLANS.s16 });
    let proceed!: () => void;
    pause.current = new Promise((resolve) => (proceed = resolve));
    const key = (index: number) => ({ key: `${index}` });
    const running = Array.from({ length: 16 }, (_, i) =>
      deployment.runMutation("notes:countThenAdd", key(i)),
    );
    const refused = deployment.runMutation("notes:countThenAdd", key(16));
    await expect(clock.run(refused)).rejects.toMatchObject({
      status: 429,
      code: "TooManyConcurrentRequests",
    });
    expect(clock.now()).toBe(5000);

    const patient = deployment.runMutation("notes:countThenAdd", key(17));
    proceed();
    pause.current = Promise.resolve();
    await clock.run(Promise.all([...running, patient]));
    expect(clock.now()).toBe(5000);
    expect(deployment.tableSize("notes")).toBe(17);
    await clock.run(deployment.runMutation("notes:countThenAdd", key(18)));
  });
});
