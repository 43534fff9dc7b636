/** Requests about a state that is not there, and looks at what there is, through the library. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/index.ts";
import type { Upnext } from "../../src/upnext.ts";
import { openAt, PATIENT, simulated, temporary } from "./harness.ts";

const NOBODY = "nobody-yet";
let upnext: Upnext;
let remove: () => Promise<void>;

beforeAll(async () => {
  const directory = await temporary();
  remove = directory.remove;
  upnext = await openAt(directory.path, { clock: systemClock });
  await upnext.track(simulated);
  await upnext.train();
}, 120_000);
afterAll(async () => {
  await upnext?.close();
  await remove?.();
});

const ask = (user: string, more: object = {}) =>
  upnext.recommend({ user, budgetMs: PATIENT, log: false, explain: true, ...more });
const idsOf = ({ items }: { readonly items: readonly { readonly item: string }[] }) =>
  items.map(({ item }) => item);
const end = async () => (await upnext.status()).log.end;

describe("what if", () => {
  it("answers as if touches had been made, as their being made does", async () => {
    const add = [
      { item: "v3", type: "watch", value: 0.9 },
      { item: "v9", type: "like" },
    ] as const;
    const supposed = await ask(NOBODY, { whatIf: { add } });
    expect(supposed.personal).toBe(true);
    for (const { item } of add) expect(idsOf(supposed)).not.toContain(item);
    for (const touch of add) await upnext.track({ kind: "interaction", user: NOBODY, ...touch });
    expect(idsOf(await ask(NOBODY))).toEqual(idsOf(supposed));
  });

  it("answers as if items had never been touched, down to nothing known", async () => {
    const { touches, vetoes } = await upnext.state("u1");
    const remove = [...new Set([...touches, ...vetoes].map(({ item }) => item))].slice(0, 100);
    const supposed = await ask("u1", { whatIf: { remove } });
    expect(supposed.personal).toBe(false);
    expect((await ask("u1")).personal).toBe(true);
  });

  it("weighs heads as it is told to, and the others as ever", async () => {
    const weightsIn = ({ items }: Awaited<ReturnType<typeof ask>>) =>
      items[0]!.why!.heads.map(({ name, weight }) => [name, weight] as const);
    const supposed = weightsIn(await ask("u2", { whatIf: { headWeights: { engage: 0.25 } } }));
    const own = weightsIn(await ask("u2"));
    expect(own).toContainEqual(["engage", 1]);
    expect(supposed).toEqual(own.map(([name, weight]) => [name, name === "engage" ? 0.25 : weight]));
  });

  it("stores and logs nothing, even where logging is asked for", async () => {
    const [before, state] = [await end(), await upnext.state("u3")];
    await ask("u3", { log: true, whatIf: { add: [{ item: "v1", type: "like" }], remove: ["v2"] } });
    expect(await end()).toBe(before);
    expect(await upnext.state("u3")).toEqual(state);
    // The same without it is logged: the test would see it.
    await ask("u3", { log: true });
    await expect.poll(end).toBe(before + 1);
  });

  it.each([
    [{ add: [{ item: "v1", type: "stare" }] }, "whatIf.add[0].type"],
    [{ add: [{ item: "v1", type: "watch", value: 2 }] }, "whatIf.add[0].value"],
    [{ headWeights: { engage: Number.NaN } }, "whatIf.headWeights"],
  ])("refuses what cannot be supposed: %j", async (whatIf, where) => {
    await expect(ask("u1", { whatIf })).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(where),
    });
  });
});

describe("looks at what there is", () => {
  it("finds items by id, in the order asked for, and leaves out those that are not there", async () => {
    expect(idsOf({ items: await upnext.items({ ids: ["v9", "v0", "v3"] }) })).toEqual(["v9", "v3"]);
  });

  it("finds items by words of any of their facts, the most engaged with first", async () => {
    const [popular] = await upnext.items({ limit: 1 });
    const creator = popular!.facts!.creator!;
    const found = await upnext.items({ search: creator.toUpperCase(), limit: 200 });
    expect(found.length).toBeGreaterThan(0);
    for (const { facts } of found) expect(JSON.stringify(facts)).toContain(creator);
    const engagements = found.map((item) => item.engagements);
    expect(engagements).toEqual(engagements.toSorted((a, b) => b - a));
    expect(await upnext.items({ search: "no video says this" })).toEqual([]);
  });

  it("orders all items as a plain sort does", async () => {
    const newest = await upnext.items({ order: "newest", limit: 25 });
    const all = await upnext.items({
      ids: simulated.flatMap((event) => (event.kind === "item" ? event.item : [])),
    });
    const expected = all.toSorted((a, b) => b.bornAt - a.bornAt).slice(0, 25);
    expect(newest.map(({ bornAt }) => bornAt)).toEqual(expected.map(({ bornAt }) => bornAt));
  });

  it("refuses more items than it gives", async () => {
    await expect(upnext.items({ limit: 201 })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("knows who came last, and not who was forgotten", async () => {
    await upnext.track({ kind: "interaction", user: "last", item: "v1", type: "view" });
    expect((await upnext.recentUsers(3))[0]).toMatchObject({ user: "last", interactions: 1 });
    await upnext.forget("last");
    expect((await upnext.recentUsers(100)).map(({ user }) => user)).not.toContain("last");
  });

  it("tells who found what the newest slates held, and how much was known of whom", async () => {
    const before = await upnext.newestSlates();
    const { request, items } = await ask("never-seen", { log: true, limit: 10 });
    const [first] = items;
    await upnext.track({ kind: "interaction", user: "never-seen", item: first!.item, type: "like", request });
    await expect.poll(async () => (await upnext.newestSlates()).slates).toBe(before.slates + 1);
    const after = await upnext.newestSlates();
    const taken = (slates: typeof after) => slates.users.reduce((sum, group) => sum + group.taken, 0);
    expect([after.slots - before.slots, taken(after) - taken(before)]).toEqual([10, 1]);
    // One touch by now: among the little known.
    expect(after.users[1]!.users).toBe(before.users[1]!.users + 1);
    const own = await upnext.newestSlates(first!.item);
    expect(own.finders.map(({ source }) => source).sort()).toEqual(
      expect.arrayContaining(first!.why!.sources.map(({ name }) => name)),
    );
    expect(own.finders.every(({ slots, alone }) => alone <= slots)).toBe(true);
  });

  it("tells how slots are shared: equal shares have a Gini of 0, one item with all nearly 1", async () => {
    const exposure = await upnext.exposure();
    expect(exposure.gini).toBeGreaterThan(0);
    expect(exposure.gini).toBeLessThan(1);
    expect(exposure.lorenz[0]).toBe(0);
    expect(exposure.lorenz.at(-1)).toBeCloseTo(1);
    expect(exposure.lorenz).toEqual(exposure.lorenz.toSorted((a, b) => a - b));
    const slots = exposure.ages.reduce((sum, age) => sum + age.slots, 0);
    expect(slots).toBe(exposure.slots);
  });

  it("tells of a bundle what it measured, what the gate said, and of no bundle that there is none", async () => {
    const [newest] = await upnext.releases();
    const details = await upnext.release(newest!.bundle);
    expect(details.checks?.map(({ name }) => name)).toContain("integrity");
    expect(details.tradeoffs).toBeNull();
    const run = await upnext.trainingRun();
    expect(run).toMatchObject({ bundle: newest!.bundle, failure: null });
    expect(run!.steps.map(({ name }) => name)).toContain("read the log");
    for (const { startedAt, endedAt } of run!.steps) expect(endedAt).toBeGreaterThanOrEqual(startedAt);
    await expect(upnext.release("0000000000000000")).rejects.toMatchObject({ code: "no_bundle" });
  });
});
