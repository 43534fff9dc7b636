/** Bundles that are swapped, and scoring threads that end, while requests are under way. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BundleId, type Clock, DAY, type EpochMs, Random, systemClock } from "../../src/core/index.ts";
import { createMetrics } from "../../src/monitoring/index.ts";
import { openFileRegistry, type Registry } from "../../src/registry/index.ts";
import { open, type Recommendation, type Upnext } from "../../src/upnext.ts";
import { CONFIG, END, PATIENT, simulated, temporary } from "./harness.ts";

const USERS = Array.from({ length: 5 }, (_, u) => `u${u + 1}`);
const SWAPS = 4;
/** On a machine that does much else besides. */
const PATIENCE = { timeout: 300_000 };
/** Time stands still, so that an answer depends on the bundle alone. */
const CLOCK: Clock = { now: () => (END + DAY) as EpochMs, monotonic: systemClock.monotonic };
const metrics = createMetrics();

let home: { path: string; remove(): Promise<void> };
let upnext: Upnext;
let registry: Registry;
const bundles: BundleId[] = [];
beforeAll(async () => {
  home = await temporary();
  const config = { ...CONFIG, serving: { threads: 2 } };
  upnext = await open({ directory: home.path, config, clock: CLOCK, metrics });
  registry = await openFileRegistry(join(home.path, "bundles"), { clock: CLOCK });
  await upnext.track(simulated.slice(0, 4000));
  bundles.push((await upnext.train()).bundle);
  await upnext.track(simulated.slice(4000));
  bundles.push((await upnext.train()).bundle);
}, 300_000);
afterAll(async () => {
  await upnext.close();
  metrics.close();
  await home.remove();
});

async function serve(bundle: BundleId): Promise<void> {
  await registry.promote(bundle);
  await upnext.refresh();
}

const ask = (user: string) =>
  upnext.recommend({ user, limit: 10, explain: true, log: false, budgetMs: PATIENT });
const shown = ({ items, rung, reasons }: Recommendation) => ({ items, rung, reasons });

it("a swap there and back under requests fails none, and no answer is of two bundles", PATIENCE, async () => {
  const expected = new Map<string, unknown>();
  for (const bundle of bundles) {
    await serve(bundle);
    for (const user of USERS) expected.set(`${bundle}/${user}`, shown(await ask(user)));
  }
  expect(expected.get(`${bundles[0]}/u1`)).not.toEqual(expected.get(`${bundles[1]}/u1`));
  const answered = new Map<string, number>();
  let swapping = true;
  const caller = async (_: unknown, at: number) => {
    const random = new Random(`swap/${at}`);
    while (swapping) {
      const user = random.pick(USERS);
      const answer = await ask(user);
      expect(shown(answer)).toEqual(expected.get(`${answer.bundle}/${user}`));
      answered.set(answer.bundle!, (answered.get(answer.bundle!) ?? 0) + 1);
      await sleep(5);
    }
  };
  const calling = Promise.all(Array.from({ length: 2 }, caller));
  for (let swap = 0; swap < SWAPS; swap++) {
    await serve(bundles[swap % 2]!);
    await sleep(20);
  }
  swapping = false;
  await calling;
  expect([...answered.keys()].sort()).toEqual([...bundles].sort());
});

it("the way back is loaded already", PATIENCE, async () => {
  await serve(bundles[0]!);
  await serve(bundles[1]!);
  const loaded = () => Object(upnext).bundles.serving.models;
  const before = loaded();
  await serve(bundles[0]!);
  await serve(bundles[1]!);
  expect(loaded()).toBe(before);
});

it(
  "requests are answered when a thread ends, and in full again when another is there",
  PATIENCE,
  async () => {
    const before = shown(await ask("u3"));
    const pool = () => Object(upnext).scoring.pool;
    const workers: Worker[] = pool().places.map((thread: { worker: Worker }) => thread.worker);
    const answers = Array.from({ length: 20 }, (_, i) => ask(USERS[i % USERS.length]!));
    // By a slot that there is not: to terminate them within ONNX Runtime may take the whole process along.
    const ended = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
    for (const worker of workers) worker.postMessage(99);
    await Promise.all(ended);
    const during = [...(await Promise.all(answers)), await ask("u3")];
    for (const { items, rung, reasons } of during) {
      expect(items.length).toBe(10);
      expect(["full", "retrieval-order"]).toContain(rung);
      if (rung !== "full") expect(reasons).toContain("ranking_failed");
    }
    expect(during.some(({ rung }) => rung === "retrieval-order")).toBe(true);
    for (let waited = 0; pool().figures().alive < 2 && waited < 60_000; waited += 20) await sleep(20);
    expect(shown(await ask("u3"))).toEqual(before);
    const text = await metrics.text();
    expect(text).toContain("upnext_scoring_threads 2");
    expect(text).toContain("upnext_scoring_threads_died 2");
  },
);
