/** The library as its callers see it: one small platform, from the first event to the last. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { catalogDigest } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, ManualClock, silent, systemClock } from "../../src/core/index.ts";
import { openFileRegistry } from "../../src/registry/index.ts";
import { open, type RecommendRequest, type Upnext } from "../../src/upnext.ts";
import {
  catalogIn,
  END,
  eventsOf,
  foldedDigests,
  openAt,
  PATIENT,
  simulated,
  storedDigest,
  temporary,
} from "./harness.ts";

const U = "u1";

let directory: string;
let remove: () => Promise<void>;
const opened: Upnext[] = [];

/** An instance that the end of the test closes. */
async function instanceAt(...args: Parameters<typeof openAt>): Promise<Upnext> {
  const instance = await openAt(...args);
  opened.push(instance);
  return instance;
}

beforeEach(async () => {
  ({ path: directory, remove } = await temporary());
});
afterEach(async () => {
  for (const instance of opened.splice(0)) await instance.close();
  await remove();
});

const ask = (instance: Upnext, more: Partial<RecommendRequest> = {}) =>
  instance.recommend({ user: U, budgetMs: PATIENT, ...more });

const itemsOf = (answer: { readonly items: readonly { readonly item: string }[] }) =>
  answer.items.map(({ item }) => item);

describe("an instance with nothing in it", () => {
  it("answers with nothing and says why", async () => {
    const upnext = await instanceAt(directory);
    const answer = await ask(upnext);
    expect([answer.items, answer.rung, answer.offset, answer.bundle]).toEqual([[], "popular", 0, null]);
    expect(answer.reasons).toEqual(["unknown_user", "not_trained", "no_candidates"]);
    const status = await upnext.status();
    expect(status.ready).toBe(true);
    expect(status.checks.map(({ name, level }) => [name, level])).toEqual([
      ["log", "warning"],
      ["state", "ok"],
      ["catalog", "warning"],
      ["facts", "ok"],
      ["bundle", "warning"],
    ]);
    await expect(upnext.train()).rejects.toMatchObject({ code: "not_enough_data" });
    for (const budget of [0, -1, Number.NaN])
      await expect(upnext.train(silent, { timeBudget: budget })).rejects.toMatchObject({
        code: "invalid_request",
      });
    await expect(upnext.similar("v1")).rejects.toMatchObject({ code: "unknown_item" });
    await expect(upnext.replay("r1")).rejects.toMatchObject({ code: "unknown_request" });
    expect(await upnext.state(U)).toMatchObject({ user: U, touches: [], vetoes: [] });
    expect(await upnext.forget(U)).toMatchObject({
      state: { store: "lmdb", touches: 0, done: true },
      log: { events: 0, files: 0 },
      bundles: [],
    });
  });

  it("takes one user, one item, one event, and has nothing else to offer that user", async () => {
    const upnext = await instanceAt(directory);
    const { offset } = await upnext.track({
      kind: "interaction",
      user: U,
      item: "v",
      type: "watch",
      value: 1,
    });
    expect(offset).toBe(1);
    expect((await ask(upnext)).reasons).toEqual(["not_trained", "no_candidates"]);
    expect(itemsOf(await ask(upnext, { user: "another" }))).toEqual(["v"]);
    const report = await upnext.train();
    expect(report).toMatchObject({ items: 1, interactions: 1, rankerLists: 0 });
    const answer = await ask(upnext, { user: "another" });
    expect([itemsOf(answer), answer.rung, answer.bundle]).toEqual([["v"], "retrieval-order", report.bundle]);
  });
});

describe("events", () => {
  it("are taken all or none, and the error names the first that is wrong", async () => {
    const upnext = await instanceAt(directory);
    const good = { kind: "interaction", user: U, item: "v", type: "like" } as const;
    const bad = { ...good, type: "nonsense" as "like" };
    await expect(upnext.track([good, bad, bad])).rejects.toMatchObject({
      code: "invalid_event",
      message: expect.stringContaining("events[1]"),
    });
    expect((await upnext.status()).log.end).toBe(0);
    expect(await upnext.track([])).toEqual({ offset: 0, accepted: 0, duplicates: 0, forgotten: 0 });
  });

  it("change nothing when they are sent again", async () => {
    const upnext = await instanceAt(directory);
    const event = { kind: "interaction", id: "e1", user: U, item: "v", type: "like", time: END } as const;
    expect(await upnext.track([event, event])).toEqual({
      offset: 1,
      accepted: 1,
      duplicates: 1,
      forgotten: 0,
    });
    expect(await upnext.track(event)).toEqual({ offset: 1, accepted: 0, duplicates: 1, forgotten: 0 });
    expect((await upnext.state(U)).touches.length).toBe(1);
  });

  it("are reflected by the next answer that asks for their offset", async () => {
    const upnext = await instanceAt(directory);
    await upnext.track(["a", "b", "c"].map((item) => ({ kind: "item", item, facts: {} }) as const));
    const { offset } = await upnext.track({ kind: "interaction", user: U, item: "b", type: "click" });
    const answer = await ask(upnext, { after: offset });
    expect([itemsOf(answer).sort(), answer.offset]).toEqual([["a", "c"], 4]);
    // The answer is in the log by now or soon, as an impression; beyond that there is nothing.
    await expect(ask(upnext, { after: 1000 })).rejects.toMatchObject({ code: "offset_ahead" });
  });
});

describe.each([
  ["user", { user: "" }],
  ["user", { user: "x".repeat(257) }],
  ["user", { user: "a\nb" }],
  ["user", { user: 7 as never }],
  ["request", { request: "a\u0000" }],
  ["request", { request: "" }],
  ["limit", { limit: 0 }],
  ["limit", { limit: 501 }],
  ["limit", { limit: 1.5 }],
  ["limit", { limit: Number.NaN }],
  ["budgetMs", { budgetMs: 0 }],
  ["budgetMs", { budgetMs: Number.NaN }],
  ["budgetMs", { budgetMs: 60_001 }],
  ["after", { after: -1 }],
  ["after", { after: 0.5 }],
  ["include", { include: "v1" as never }],
  ["exclude[1]", { exclude: ["v1", ""] }],
  ["categories", { categories: [1] as never }],
  ["whyNot", { whyNot: Array.from({ length: 21 }, (_, i) => `v${i}`) }],
])("a request with a bad %s", (place, wrong: Partial<RecommendRequest>) => {
  it(`is refused by name: ${JSON.stringify(wrong).slice(0, 60)}`, async () => {
    const upnext = await instanceAt(directory, { config: { state: { store: "memory" } } });
    await expect(upnext.recommend({ user: U, ...wrong })).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(new RegExp(`^${place.replaceAll(/[[\]]/g, "\\$&")}: expected`)),
    });
  });
});

/** One trained platform; the tests below leave it as it is. */
describe("a trained platform", () => {
  let home: { path: string; remove(): Promise<void> };
  let upnext: Upnext;
  let bundle: string;
  beforeAll(async () => {
    home = await temporary();
    upnext = await openAt(home.path);
    await upnext.track(simulated);
    ({ bundle } = await upnext.train());
  });
  afterAll(async () => {
    await upnext.close();
    await home.remove();
  });

  it("answers in full from the bundle that it trained, with facts", async () => {
    const answer = await ask(upnext, { log: false });
    expect(answer).toMatchObject({ rung: "full", personal: true, reasons: [], bundle, user: U });
    expect(answer.items.length).toBe(20);
    for (const [i, { position, facts }] of answer.items.entries()) {
      expect(position).toBe(i);
      expect(facts!.title).toEqual(expect.any(String));
    }
    expect((await upnext.status()).checks.filter(({ level }) => level !== "ok")).toEqual([]);
  });

  it("changes the next answer of a user with an event, and nobody else's", async () => {
    const before = await ask(upnext, { log: false });
    const other = await ask(upnext, { user: "u2", log: false, explain: true });
    const item = before.items[0]!.item;
    const time = END + DAY;
    const { offset } = await upnext.track({
      kind: "interaction",
      user: U,
      item,
      type: "watch",
      value: 1,
      time,
    });
    const after = await ask(upnext, { after: offset, log: false });
    expect(itemsOf(after)).not.toContain(item);
    expect(itemsOf(after)).not.toEqual(itemsOf(before).slice(1));
    expect((await upnext.state(U)).touches[0]).toMatchObject({ item, value: 1, time });
    const rank = (answer: typeof other) =>
      answer.items.map(({ why }) => why!.sources.map(({ name }) => name));
    const again = await ask(upnext, { user: "u2", log: false, explain: true });
    expect(rank(again).length).toBe(rank(other).length);
    expect(again.personal).toBe(true);
  });

  it("writes what it showed into the log, once a request, unless it shall not", async () => {
    const first = await ask(upnext, { request: "asked-once" });
    await ask(upnext, { request: "asked-once" });
    await ask(upnext, { request: "not-logged", log: false });
    // An append waits for the ones before it.
    await upnext.track({ kind: "item", item: "later", facts: {} });
    const impressions = (await eventsOf(home.path)).flatMap(({ event }) =>
      event.kind === "impression" && event.context !== undefined ? [event] : [],
    );
    expect(impressions.map(({ request }) => request)).toEqual(["asked-once"]);
    expect(impressions[0]!.slots.map(({ item }) => item)).toEqual(itemsOf(first));
  });

  it("computes a request of the log again, to the bit", async () => {
    const answer = await ask(upnext, { request: "to-replay", explain: true });
    await upnext.track({ kind: "interaction", user: U, item: answer.items[3]!.item, type: "like" });
    const path = await upnext.replay("to-replay");
    expect([path.offset, path.rung]).toEqual([answer.offset, "full"]);
    expect(Array.from(path.slate.order, (rank) => path.scores[rank])).toEqual(
      answer.items.map(({ score }) => score),
    );
  });

  it("keeps a request with the longest name, and one too long to be computed again", async () => {
    const long = "r".repeat(256);
    await ask(upnext, { request: long });
    const exclude = Array.from({ length: 6000 }, (_, i) => `no-such-item-${i}`);
    await ask(upnext, { request: "large", exclude });
    await upnext.track({ kind: "item", item: "later", facts: {} });
    expect((await upnext.replay(long)).rung).toBe("full");
    await expect(upnext.replay("large")).rejects.toMatchObject({ code: "unknown_request" });
    for (const { event } of await eventsOf(home.path)) expect(event.id.length).toBeLessThanOrEqual(256);
  });

  it("knows items similar to one", async () => {
    const { items, reasons } = await upnext.similar("v1", 7);
    expect([items.length, reasons]).toEqual([7, []]);
    expect(items.map(({ item }) => item)).not.toContain("v1");
    await expect(upnext.similar("v1", 501)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(upnext.similar("nothing")).rejects.toMatchObject({ code: "unknown_item" });
  });

  it("finds a new item for those who watch its kind, and reads it in a history, before the next training", async () => {
    const [seen] = (await upnext.state("u4")).touches;
    const facts = catalogIn(upnext).factsOf(catalogIn(upnext).rowOf(seen!.item)!)!;
    const item = "after-the-training";
    await upnext.track({ kind: "item", item, facts: { ...facts, title: "New" } });
    const sourcesOf = ({ items }: Awaited<ReturnType<typeof ask>>) =>
      items.flatMap(({ why }) => why!.sources.map(({ name }) => name));
    const alone = await ask(upnext, { user: "u4", include: [item], explain: true, log: false });
    expect(itemsOf(alone)).toEqual([item]);
    expect(sourcesOf(alone)).toContain("sequence");
    // Somebody of whom it is all that is known.
    const { offset } = await upnext.track({ kind: "interaction", user: "newcomer", item, type: "like" });
    const answer = await ask(upnext, { user: "newcomer", after: offset, explain: true, log: false });
    expect(answer.personal).toBe(true);
    expect(sourcesOf(answer)).toContain("sequence");
  });

  it("forgets a user: touches, facts, also those ahead of time, and what was shown", async () => {
    const user = "u3";
    await upnext.track([
      { kind: "user", user, facts: { country: "NO" } },
      { kind: "user", user, facts: { country: "SE" }, time: END + DAY + DAY / 2 },
      { kind: "interaction", user, item: "v1", type: "like", time: END + DAY + 1000 },
    ]);
    await ask(upnext, { user, request: "before-forgetting" });
    expect((await upnext.replay("before-forgetting")).personal).toBe(true);
    const { touches, vetoes } = await upnext.state(user);
    const { bundle } = await upnext.status();
    const receipt = await upnext.forget(user);
    expect(receipt).toMatchObject({
      user,
      state: { touches: touches.length + vetoes.length, done: true },
      bundles: expect.arrayContaining([bundle!.id]),
    });
    // Two upserts and the impression beside the interactions.
    expect(receipt.log.events).toBeGreaterThanOrEqual(touches.length + vetoes.length + 3);
    for (const { event } of await eventsOf(home.path)) {
      if (event.kind !== "erasure") expect(JSON.stringify(event)).not.toContain(`"${user}"`);
    }
    expect(await upnext.state(user)).toMatchObject({ touches: [], vetoes: [] });
    expect(catalogIn(upnext).userFacts(user as never)).toBeUndefined();
    const answer = await ask(upnext, { user, after: receipt.offset, log: false });
    expect([answer.personal, answer.reasons]).toEqual([false, ["unknown_user"]]);
    await expect(upnext.replay("before-forgetting")).rejects.toMatchObject({ code: "unknown_request" });
  });

  it("is the same after a restart, after losing its states, and as a fold of its log", async () => {
    await upnext.close();
    upnext = await openAt(home.path);
    const before = await ask(upnext, { log: false });
    const live = catalogDigest(catalogIn(upnext));
    await upnext.close();
    const folded = await foldedDigests(home.path);
    const end = (await eventsOf(home.path)).length;
    expect(live).toBe(folded.catalog);
    expect(await storedDigest(home.path)).toEqual({ state: folded.state, applied: end });
    await rm(join(home.path, "state"), { recursive: true });
    upnext = await openAt(home.path);
    expect(catalogDigest(catalogIn(upnext))).toBe(folded.catalog);
    const { request: _1, trace: _2, ...same } = before;
    expect(await ask(upnext, { log: false })).toMatchObject(same);
    await upnext.close();
    expect(await storedDigest(home.path)).toEqual({ state: folded.state, applied: end });
    upnext = await openAt(home.path);
  });

  it("shows a reader beside it every new event at once, and lets it change nothing", async () => {
    const reader = await instanceAt(home.path, { readOnly: true });
    expect((await reader.status()).state.store).toBe("memory");
    expect(await ask(reader)).toMatchObject({ rung: "full", bundle, personal: true });
    const item = (await ask(reader)).items[0]!.item;
    const { offset } = await upnext.track({ kind: "interaction", user: U, item, type: "hide" });
    const answer = await ask(reader);
    expect(answer.offset).toBeGreaterThanOrEqual(offset);
    expect(itemsOf(answer)).not.toContain(item);
    const event = { kind: "item", item: "x", facts: {} } as const;
    await expect(reader.track(event)).rejects.toMatchObject({ code: "read_only" });
    await expect(reader.forget(U)).rejects.toMatchObject({ code: "read_only" });
    await expect(reader.import({ path: "x" })).rejects.toMatchObject({ code: "read_only" });
    expect((await eventsOf(home.path)).length).toBe((await upnext.status()).log.end);
  });

  it("takes up what a reader beside it has trained on events that it did not have", async () => {
    const reader = await instanceAt(home.path, { readOnly: true });
    await upnext.track({ kind: "item", item: "after-the-reader-was-opened", facts: {} });
    const report = await reader.train();
    expect(report.logOffset).toBe((await upnext.status()).log.end);
    expect((await ask(reader)).bundle).toBe(report.bundle);
    await upnext.refresh();
    expect((await upnext.status()).bundle!.id).toBe(report.bundle);
  });

  it("goes on answering in full while bundles are swapped under it", async () => {
    const registry = await openFileRegistry(join(home.path, "bundles"), { clock: systemClock });
    const bundles = (await registry.list()).map(({ id }) => id);
    expect(bundles.length).toBeGreaterThan(1);
    const served = new Set<string | null>();
    let done = false;
    const readers = Array.from({ length: 3 }, async () => {
      while (!done) {
        const { reasons, bundle } = await ask(upnext, { log: false });
        expect(reasons).toEqual([]);
        served.add(bundle);
        await sleep(1);
      }
    });
    for (let i = 0; i < 4; i++) {
      await registry.promote(bundles[i % bundles.length]!);
      await upnext.refresh();
    }
    done = true;
    await Promise.all(readers);
    expect(served.size).toBeGreaterThan(1);
  });

  it("refuses a bundle of another log by name, goes on untrained, and is well again with one of its own", async () => {
    const elsewhere = await instanceAt(directory);
    await elsewhere.track(
      ["x", "y"].map((item) => ({ kind: "interaction", user: U, item, type: "click" }) as const),
    );
    await elsewhere.close();
    await rename(join(home.path, "bundles"), join(home.path, "kept"));
    await mkdir(join(home.path, "bundles"));
    await rm(join(directory, "bundles"), { recursive: true });
    await rename(join(home.path, "kept"), join(directory, "bundles"));
    const broken = await instanceAt(directory);
    const status = await broken.status();
    expect(status).toMatchObject({ ready: false, bundle: null });
    expect(status.checks.find(({ name }) => name === "bundle")).toMatchObject({
      level: "failure",
      message: expect.stringMatching(/refused: bundle [0-9a-f]{16}: expected .* it belongs to another log/),
      cure: "npx upnext train",
    });
    const answer = await ask(broken, { user: "another" });
    expect([itemsOf(answer).length, answer.rung, answer.bundle]).toEqual([2, "popular", null]);
    const report = await broken.train();
    expect((await broken.status()).checks.find(({ name }) => name === "bundle")!.level).not.toBe("failure");
    expect((await ask(broken)).bundle).toBe(report.bundle);
  });
});

describe("a configuration with unknown names", () => {
  it("is refused before anything is made", async () => {
    const fresh = join(directory, "unknown-names");
    for (const config of [
      { retrieval: { sources: ["popluar"] } },
      { ranking: { headWeights: { lik: 2 } } },
    ]) {
      await expect(open({ directory: fresh, config })).rejects.toMatchObject({ code: "invalid_config" });
    }
    expect(existsSync(fresh)).toBe(false);
  });
});

describe("states of another log", () => {
  it("are refused with the cure, and deleting them is one", async () => {
    const upnext = await openAt(directory);
    await upnext.track(simulated.slice(0, 500));
    await upnext.close();
    await rm(join(directory, "log"), { recursive: true });
    await expect(openAt(directory)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(/states of another log; delete the folder/),
    });
    await rm(join(directory, "state"), { recursive: true });
    expect((await (await instanceAt(directory)).status()).ready).toBe(true);
  });
});

describe("closing", () => {
  it("may be done twice, and everything afterwards says that it was", async () => {
    const upnext = await openAt(directory);
    await Promise.all([upnext.close(), upnext.close()]);
    await upnext.close();
    const calls: (() => Promise<unknown>)[] = [
      () => upnext.track([]),
      () => upnext.recommend({ user: U }),
      () => upnext.similar("v1"),
      () => upnext.state(U),
      () => upnext.forget(U),
      () => upnext.status(),
      () => upnext.train(),
      () => upnext.replay("r"),
      () => upnext.refresh(),
      () => upnext.import({ path: "x" }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "closed" });
  });

  it("waits for answers and events under way: both are in the log", async () => {
    const upnext = await openAt(directory);
    await upnext.track(simulated.slice(0, 500));
    const answers = Array.from({ length: 5 }, (_, i) => ask(upnext, { request: `q${i}` }));
    const tracked = upnext.track({ kind: "interaction", id: "last", user: U, item: "v1", type: "like" });
    await upnext.close();
    for (const answer of await Promise.all(answers)) expect(answer.items.length).toBeGreaterThan(0);
    expect((await tracked).accepted).toBe(1);
    const ids = (await eventsOf(directory)).map(({ event }) => event.id as string);
    expect(ids).toEqual(expect.arrayContaining(["last", ...answers.map((_, i) => `impression:q${i}`)]));
    const end = (await eventsOf(directory)).length;
    expect(await storedDigest(directory)).toEqual({
      state: (await foldedDigests(directory)).state,
      applied: end,
    });
  });

  it("lets the next one in, which may not be there before", async () => {
    const first = await openAt(directory);
    await expect(openAt(directory)).rejects.toMatchObject({ code: "log_locked" });
    await first.close();
    await (await openAt(directory)).close();
  });
});

it("opens by the configuration alone", async () => {
  const clock = new ManualClock(END as EpochMs);
  const upnext = await open({ config: { directory, state: { store: "memory" } }, clock });
  opened.push(upnext);
  expect((await upnext.status()).state.store).toBe("memory");
});
