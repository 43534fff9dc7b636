/** Why an item is in the answer and why another is not: read off what the request computed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ItemId, ManualClock, type Ms, type RequestId } from "../../src/core/index.ts";
import { parseEvent } from "../../src/events/index.ts";
import {
  answerOf,
  impressionOf,
  type PathParts,
  RankingCost,
  type RecommendRequest,
} from "../../src/pipeline/index.ts";
import { createWorld, END, request, SETTINGS, user, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const U = user("u1");
const ID = "q1" as RequestId;

async function answered(wanted: Partial<RecommendRequest>, parts: Partial<PathParts> = {}) {
  const asked = { user: U, ...wanted };
  const models = parts.models ?? world.models;
  const path = await request(world, asked, { ...parts, limit: wanted.limit ?? 20 });
  const answer = answerOf(asked, ID, 50 as Ms, path, world.catalog, models);
  return { path, answer, impression: impressionOf(asked, answer, path, models) };
}

async function whyNot(item: string, wanted: Partial<RecommendRequest> = {}, parts: Partial<PathParts> = {}) {
  const { answer } = await answered({ whyNot: [item as ItemId], ...wanted }, parts);
  const { stage, reason } = answer.whyNot![0]!;
  return [stage, reason];
}

describe("why", () => {
  it("adds up to the score: heads by their weights", async () => {
    const { answer } = await answered({ explain: true, limit: 100 });
    expect(answer.items.length).toBe(100);
    for (const { score, why } of answer.items) {
      const sum = why!.heads.reduce((total, { value, weight }) => total + value * weight, 0);
      expect(sum).toBeCloseTo(score, 5);
    }
  });

  it("takes the weights of the configuration", async () => {
    const settings = { ...SETTINGS, headWeights: { engage: 2.5 } };
    const { answer } = await answered({ explain: true }, { settings });
    for (const { why } of answer.items)
      expect(why!.heads.find(({ name }) => name === "engage")!.weight).toBe(2.5);
  });

  it("names the sources with the ranks and scores that they gave, and every feature", async () => {
    const { path, answer } = await answered({ explain: true });
    for (const { item, why, position } of answer.items) {
      expect(why!.sources.length).toBeGreaterThan(0);
      const index = path.candidates.rows.indexOf(world.catalog.rowOf(item)!);
      for (const { name, rank, score } of why!.sources) {
        const s = path.candidates.sourceNames.indexOf(name);
        expect([rank, score]).toEqual([path.candidates.ranks[s]![index], path.candidates.scores[s]![index]]);
      }
      expect(Object.keys(why!.features)).toEqual(world.models.featureSet.features.map(({ name }) => name));
      expect(Object.values(why!.features).every(Number.isFinite)).toBe(true);
      expect(why!.rankBeforePolicy).toBe(path.slate.order[position]);
    }
  });

  it("tells where a slate is shown as features, and the impression keeps it", async () => {
    const { path, impression } = await answered({ surface: "home", device: "tv" });
    expect(impression).toMatchObject({ surface: "home", device: "tv" });
    const { requestNames } = world.models.featureSet;
    const of = (name: string) => path.features!.request[requestNames.indexOf(`place.${name}`)];
    // The log of the training has no places.
    expect([of("other-surface"), of("no-surface"), of("other-device")]).toEqual([1, 0, 1]);
    const plain = (await answered({})).impression;
    expect("surface" in plain || "device" in plain).toBe(false);
  });

  it("tells what the user did on the surface that is asked for", async () => {
    const { state, ...read } = await world.follower.read(U);
    const touches = state.touches.map((touch, i) => (i < 4 ? { ...touch, surface: "home" } : touch));
    const readState = async () => ({ ...read, state: { ...state, touches } });
    const visitsOn = async (place: { readonly surface?: string }) => {
      const { path } = await answered(place, { readState });
      const at = world.models.featureSet.requestNames.indexOf("habit.here.log-visits");
      return Math.round(Math.expm1(path.features!.request[at]!));
    };
    expect(await visitsOn({ surface: "home" })).toBe(
      new Set(touches.slice(0, 4).map(({ item }) => item)).size,
    );
    expect(await visitsOn({ surface: "elsewhere" })).toBe(0);
    expect(await visitsOn({})).toBe(0);
  });

  it("has no heads and no features where nothing was ranked, and is left out unless asked for", async () => {
    const cost = new RankingCost();
    for (let i = 0; i < 100; i++) cost.observe("ranker", 1, 10 as Ms, 0 as Ms);
    const { answer } = await answered({ explain: true }, { cost });
    expect(answer.items[0]!.why).toMatchObject({ heads: [], features: {}, rankBeforePolicy: 0 });
    expect((await answered({})).answer.items[0]!.why).toBeUndefined();
  });
});

describe("why not", () => {
  it("an unknown item: the catalog", async () => {
    expect(await whyNot("nothing")).toEqual(["catalog", "The catalog has no item with this id."]);
  });

  it("an item that a filter took: the rule", async () => {
    expect(await whyNot("v9", { exclude: ["v9" as ItemId] })).toEqual([
      "filter",
      expect.stringContaining("exclude list"),
    ]);
    const [touch] = (await world.store.read(U)).touches;
    expect(await whyNot(touch!.item)).toEqual(["filter", expect.stringContaining("has seen it")]);
  });

  it("an item that no source found: retrieval, with what each found", async () => {
    const everything = (await answered({ limit: 500 })).path;
    const last = world.catalog.idOf(everything.found.rows.at(-1)!);
    const settings = { ...SETTINGS, perSource: 10 };
    expect(await whyNot(last, {}, { settings })).toEqual([
      "retrieval",
      expect.stringMatching(/not among the \d+ candidates; .*transitions \(6\)/),
    ]);
  });

  it("an item that ranks below the last one shown: ranking, with rank and scores", async () => {
    const { path } = await answered({});
    const item = world.catalog.idOf(path.candidates.rows[path.ranked.at(-1)!]!);
    expect(await whyNot(item)).toEqual([
      "ranking",
      expect.stringMatching(/^It ranks (\d+) of \1 with the score [\d.e-]+; the last one shown has/),
    ]);
  });

  it("an item for whose ranking there was no time: ranking, with its place in retrieval", async () => {
    const cost = new RankingCost();
    for (let i = 0; i < 200; i++) cost.observe("ranker", 1, 0.3 as Ms, 0 as Ms);
    const { path } = await answered({}, { cost });
    const item = world.catalog.idOf(path.found.rows.at(-1)!);
    const n = path.found.rows.length;
    const again = new RankingCost();
    for (let i = 0; i < 200; i++) again.observe("ranker", 1, 0.3 as Ms, 0 as Ms);
    expect(await whyNot(item, {}, { cost: again })).toEqual([
      "ranking",
      `Retrieval put it at ${n} of ${n}, and there was time to rank the first 100 only.`,
    ]);
  });

  it("an item over the creator cap, or too like the others: policy", async () => {
    const policy = { maxPerCreator: 1, diversity: 0, pool: 100, explore: 0 };
    const settings = { ...SETTINGS, policy };
    const { path } = await answered({}, { settings });
    const removed = Array.from(path.ranked, (_, rank) => rank).find(
      (rank) => path.slate.removedBy(rank) !== null,
    );
    const item = world.catalog.idOf(path.candidates.rows[path.ranked[removed!]!]!);
    expect(await whyNot(item, {}, { settings })).toEqual(["policy", expect.stringContaining("creator cap")]);
  });

  it("an item that is shown: where", async () => {
    const { answer } = await answered({});
    expect(await whyNot(answer.items[7]!.item)).toEqual(["shown", "It is in the answer, at position 7."]);
  });

  it("answers for every item of the catalogue, whatever the rung", async () => {
    const whyNot = Array.from({ length: world.catalog.size }, (_, row) => world.catalog.idOf(row));
    for (const include of [undefined, [], whyNot.slice(0, 3)]) {
      const { answer } = await answered({ whyNot, ...(include && { include }) });
      const shown = new Set(answer.items.map(({ item }) => item));
      for (const { item, stage, reason } of answer.whyNot!) {
        expect(stage === "shown").toBe(shown.has(item));
        expect(reason).toMatch(/^[A-Z].*\.$/);
      }
    }
  });
});

describe("the impression of an answer", () => {
  it("is an event that the log's border takes, with a slot for every item", async () => {
    const { answer, impression, path } = await answered({ exclude: ["v1" as ItemId], limit: 7 });
    const parsed = parseEvent(JSON.parse(JSON.stringify(impression)), {
      now: new ManualClock(END).now(),
      makeId: () => "unused" as never,
    });
    expect(parsed).toEqual({ ok: true, value: impression });
    expect(impression.slots.map(({ item, position, score }) => ({ item, position, score }))).toEqual(
      answer.items.map(({ item, position, score }) => ({ item, position, score })),
    );
    for (const slot of impression.slots) expect(slot.sources!.length).toBeGreaterThan(0);
    expect(impression).toMatchObject({
      user: U,
      request: ID,
      time: path.now,
      rung: "full",
      model: world.models.bundle!.id,
      context: { offset: world.log.end, fingerprint: world.models.featureSet.fingerprint },
    });
  });
});
