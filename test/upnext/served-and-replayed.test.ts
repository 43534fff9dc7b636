/**
 * Every answer that a busy instance gives is the answer of one prefix of its log: folding the log again up to the
 * recorded offset gives the same items, scores and features, to the bit.
 */
import { join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, HOUR, ManualClock, type Ms, Random } from "../../src/core/index.ts";
import type { Impression } from "../../src/events/index.ts";
import {
  answerOf,
  type PathSettings,
  RankingCost,
  type Recommendation,
  runPath,
} from "../../src/pipeline/index.ts";
import { servingModels } from "../../src/pipeline/serving-models.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { openFileRegistry } from "../../src/registry/index.ts";
import { memoryStore } from "../../src/state/index.ts";
import type { EventInput, RecommendRequest, Upnext } from "../../src/upnext.ts";
import { CONFIG, END, eventsOf, openAt, PATIENT, simulated, temporary } from "./harness.ts";

const CALLS = 2000;
/** Callers at once, each of whom waits for its own answer only. */
const CALLERS = 25;
const NOW = (END + DAY) as EpochMs;
const EXPLORE = 0.3;

let home: { path: string; remove(): Promise<void> };
let upnext: Upnext;
beforeAll(async () => {
  home = await temporary();
  // With exploration: chance is drawn again too.
  upnext = await openAt(home.path, { config: { ...CONFIG, policy: { explore: EXPLORE } } });
  await upnext.track(simulated);
  await upnext.train();
});
afterAll(async () => {
  await upnext.close();
  await home.remove();
});

/** An event that someone might send: few users, so that they collide; some late, some of new items, some erasures. */
function anyEvent(random: Random): EventInput {
  const user = `u${1 + random.int(8)}`;
  const time = NOW - random.int(3) * HOUR;
  const kind = random.int(20);
  if (kind === 0)
    return { kind: "item", item: `new${random.int(30)}`, facts: { categories: ["music"] }, time };
  if (kind === 1) return { kind: "item-removal", item: `v${1 + random.int(200)}`, time };
  if (kind === 2) return { kind: "erasure", user, time: time - 30 * DAY };
  if (kind === 3) return { kind: "user", user, facts: { n: random.int(9) }, time };
  const item = random.int(10) ? `v${1 + random.int(200)}` : `new${random.int(30)}`;
  const type = random.pick(["click", "watch", "like", "hide", "block"] as const);
  return { kind: "interaction", user, item, type, time, ...(type === "watch" && { value: random.next() }) };
}

it(`gives the same features and scores for every one of ${CALLS / 2} requests among as many events`, async () => {
  const random = new Random("served");
  let pauses = 0;
  // As a server lets requests pause, and longer: others compute meanwhile, and events come.
  const pause = async () => {
    pauses++;
    for (let turns = random.int(4); turns > 0; turns--) await setImmediate();
  };
  const answers: { request: RecommendRequest; answer: Recommendation }[] = [];
  const call = async () => {
    if (random.int(2)) return upnext.track(anyEvent(random));
    const request = {
      user: `u${1 + random.int(10)}`,
      explain: true,
      limit: 5,
      budgetMs: PATIENT,
      log: random.int(10) === 0,
      allowSeen: random.int(4) === 0,
    };
    const answer = await upnext.recommend(request, random.int(4) ? { pause } : {});
    answers.push({ request: { ...request, request: answer.request }, answer });
    return answer;
  };
  const caller = async () => {
    for (let made = 0; made < CALLS / CALLERS; made++) await call();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  expect(answers.length).toBeGreaterThan(CALLS / 3);
  expect(pauses).toBeGreaterThan(CALLS / 10);
  expect(answers.filter(({ answer }) => answer.personal).length).toBeGreaterThan(CALLS / 5);
  for (const { answer } of answers) expect(answer.rung).toBe("full");

  const logged = await eventsOf(home.path);
  const registry = await openFileRegistry(join(home.path, "bundles"), { clock: new ManualClock() });
  const catalog = createCatalog();
  const store = memoryStore();
  const bundleOffset = answers[0]!.answer.offset;
  catalog.apply(logged.slice(0, bundleOffset));
  await store.apply(logged.slice(0, bundleOffset));
  const models = await servingModels(await registry.open(answers[0]!.answer.bundle!), catalog);
  const policy = { ...DEFAULT_POLICY, explore: EXPLORE };
  const settings: PathSettings = { candidates: 500, perSource: 1000, headWeights: {}, policy };
  let offsets = 1;
  // What a user did before being forgotten is taken out of the log, perhaps by now: nobody can compute that again.
  const forgotten = new Map<string, number>();
  for (const { offset, event } of logged) if (event.kind === "erasure") forgotten.set(event.user, offset);
  const last = ({ user }: { user?: unknown }) => forgotten.get(String(user)) ?? -1;
  const computable = answers.filter(({ request, answer }) => last(request) < answer.offset);
  expect(computable.length).toBeGreaterThan(answers.length / 10);
  for (const { request, answer } of computable.sort((a, b) => a.answer.offset - b.answer.offset)) {
    if (answer.offset > catalog.applied) offsets++;
    const batch = logged.slice(catalog.applied, answer.offset);
    catalog.apply(batch);
    await store.apply(batch);
    const asked = request as Parameters<typeof runPath>[0];
    const path = await runPath(asked, 5, Number.POSITIVE_INFINITY as Ms, {
      catalog,
      models,
      clock: new ManualClock(NOW),
      cost: new RankingCost(),
      settings,
      readState: async () => ({ state: await store.read(asked.user), stale: () => false, release() {} }),
    });
    const again = answerOf(asked, answer.request, PATIENT as Ms, path, catalog, models);
    expect({ ...again, trace: null }).toEqual({ ...answer, trace: null });
    const counts = (one: Recommendation) =>
      one.trace.stages.flatMap(({ stage, in: a, out }) => (stage === "turn" ? [] : [[stage, a, out]]));
    expect(counts(again)).toEqual(counts(answer));
  }
  expect(offsets).toBeGreaterThan(30);
  await models.close();
});

it("lets an event wait while a request pauses, and lets no other request pause while one waits", async () => {
  const wanted = (user: string) => ({ user, budgetMs: PATIENT, log: false });
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let paused = () => {};
  const pauses = new Promise<void>((resolve) => {
    paused = resolve;
  });
  const first = upnext.recommend(wanted("u1"), {
    pause() {
      paused();
      return gate;
    },
  });
  await pauses;
  let applied = false;
  const event = upnext.track({ kind: "interaction", user: "u2", item: "v1", type: "like" }).then((result) => {
    applied = true;
    return result;
  });
  // Durable long since: it waits for nothing but the request.
  await sleep(300);
  expect(applied).toBe(false);
  let others = 0;
  const second = await upnext.recommend(wanted("u3"), { pause: async () => void others++ });
  expect(others).toBe(0);
  goOn();
  const { offset } = await first;
  expect(second.offset).toBe(offset);
  expect((await event).offset).toBeGreaterThan(offset);
  await upnext.recommend(wanted("u3"), { pause: async () => void others++ });
  expect(others).toBe(1);
});

it("replays what it logged by itself, each request from the log and the bundle alone", async () => {
  const impressions = (await eventsOf(home.path))
    .map(({ event }) => event)
    .filter((event): event is Impression => event.kind === "impression" && event.context !== undefined);
  expect(impressions.length).toBeGreaterThan(20);
  for (const { request, slots, context } of impressions.slice(-4)) {
    const path = await upnext.replay(request);
    expect(path.offset).toBe(context!.offset);
    expect(Array.from(path.slate.order, (rank) => path.scores[rank])).toEqual(
      slots.map(({ score }) => score),
    );
    expect(Array.from(path.slate.propensities)).toEqual(slots.map(({ propensity }) => propensity));
    expect(slots.every(({ propensity }) => propensity! < 1)).toBe(true);
  }
});
