/** A served log with exploration judged again: what a bundle's own slates earned is found in what chance showed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BundleId, EventId, Ms, Offset, RequestId, UserId } from "../../src/core/index.ts";
import { silent } from "../../src/core/index.ts";
import type { Interaction } from "../../src/events/index.ts";
import { answerOf, impressionOf, type PathSettings, runPath } from "../../src/pipeline/index.ts";
import { servingModels } from "../../src/pipeline/serving-models.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { judgeByLog } from "../../src/release/index.ts";
import { loggedSlates } from "../../src/release/logged-slates.ts";
import { DEFAULT_LIMITS } from "../../src/state/index.ts";
import { START, took } from "../training/logs.ts";
import { type RingWorld, ringWorld } from "./ring-world.ts";

const REQUESTS = 300;
const SLOTS = 4;
const USERS = 50;

const settingsOf = (explore: number): PathSettings => ({
  candidates: 500,
  perSource: 1000,
  headWeights: { engage: 1 },
  policy: { ...DEFAULT_POLICY, maxPerCreator: 0, diversity: 0, explore },
});

let world: RingWorld;
let good: BundleId;
let wayward: BundleId;
let served: Offset;

/** Slates wholly by chance; a slot is clicked, for certain, where it has the item that the bundle ranks there. */
async function serve(bundle: BundleId, requests: number, explore: number): Promise<void> {
  const models = await servingModels(await world.registry.open(bundle), world.catalog);
  const { partsOf } = world.parts();
  for (let i = 0; i < requests; i++) {
    const user = `u${i % USERS}` as UserId;
    const asked = { user, request: `shown-${explore}-${i}` as RequestId };
    const show = (share: number) =>
      runPath(asked, SLOTS, Number.POSITIVE_INFINITY as Ms, {
        ...partsOf(user, models),
        settings: settingsOf(share),
      });
    const [own, path] = [await show(0), await show(explore)];
    const itemsOf = ({ slate, ranked, candidates }: typeof own) =>
      Array.from(slate.order, (rank) => world.catalog.idOf(candidates.rows[ranked[rank]!]!));
    const shown = itemsOf(path);
    const answer = answerOf(asked, asked.request, 1 as Ms, path, world.catalog, models);
    await world.log.append([impressionOf(asked, answer, path, models)]);
    const clicks = shown
      .filter((item, slot) => item === itemsOf(own)[slot])
      .map((item, at): Interaction => {
        const id = `${asked.request}-${at}` as EventId;
        return took(user, item, START + 1e9 + i, { id, request: asked.request });
      });
    await world.append(clicks);
  }
  await models.close();
}

beforeAll(async () => {
  world = await ringWorld();
  good = await world.made({});
  wayward = await world.made({ noise: 3 });
  await serve(good, REQUESTS, 1);
  served = world.log.end;
  await serve(good, 60, 0);
});
afterAll(() => world.close());

/** The log up to the end of what was shown by chance, or all of it. */
const judge = (bundle: BundleId, count: number, end: Offset = served) =>
  judgeByLog(bundle, count, {
    log: {
      ...world.log,
      end,
      async *read(from) {
        for await (const batch of world.log.read(from)) yield batch.filter(({ offset }) => offset < end);
      },
    },
    registry: world.registry,
    snapshots: { base: async () => undefined },
    limits: DEFAULT_LIMITS,
    settings: settingsOf(1),
    progress: silent,
  });

describe("a bundle judged by a log with exploration", () => {
  it("would have every slot clicked, which chance rarely showed", async () => {
    const { overlap, actions, withoutPropensities, before, examination } = await judge(good, REQUESTS);
    expect(overlap).toMatchObject({ requests: REQUESTS, slots: REQUESTS * SLOTS, users: USERS });
    expect(overlap.byChance).toBe(overlap.slots);
    expect({ withoutPropensities, before }).toEqual({ withoutPropensities: 0, before: 0 });
    // About one of twenty places.
    expect(overlap.matched / overlap.slots).toBeGreaterThan(0.03);
    expect(overlap.matched / overlap.slots).toBeLessThan(0.1);
    const clicks = actions.find(({ name }) => name === "click")!;
    expect(clicks.logged.mean).toBeCloseTo(overlap.matched / REQUESTS, 9);
    // Every slot that counts was clicked: the weighted mean is 1 in each of them.
    expect(clicks.values.snips!.mean).toBeCloseTo(SLOTS, 9);
    const { mean, halfWidth } = clicks.values.ips!;
    expect(Math.abs(mean - SLOTS)).toBeLessThan(2 * halfWidth);
    expect(clicks.lifts.snips!.lower).toBeGreaterThan(SLOTS / 2);
    expect(examination).toHaveLength(SLOTS);
  });

  it("has an estimate by its ranker for what the ranker predicts, and none for other actions", async () => {
    const { actions } = await judge(good, REQUESTS);
    const dr = (name: string) => actions.find((action) => action.name === name)!.values.dr;
    expect(Math.abs(dr("engage")!.mean - SLOTS)).toBeLessThan(2 * dr("engage")!.halfWidth);
    expect(dr("approve")).toBeNull();
  });

  it("is worth little where it ranks otherwise", async () => {
    const { actions } = await judge(wayward, REQUESTS);
    const clicks = actions.find(({ name }) => name === "click")!;
    expect(clicks.values.snips!.mean).toBeLessThan(SLOTS / 2);
  });

  it("is judged by the newest requests where fewer are asked for, and then not trusted", async () => {
    const { overlap, verdict } = await judge(good, 20);
    expect(overlap.requests).toBe(20);
    expect(verdict.trustworthy).toBe(false);
  });
});

describe("a log without exploration", () => {
  it("is no ground for a judgement, and the verdict says why", async () => {
    const { overlap, verdict, examination } = await judge(good, 60, world.log.end);
    expect(overlap).toMatchObject({ requests: 60, byChance: 0, matched: overlap.slots });
    expect(verdict.warnings[0]).toMatch(/Nothing was left to chance/);
    expect(examination).toBeNull();
  });
});

describe("the slates of a log", () => {
  it("are refused where there are none after the bundle, with the cure", async () => {
    await expect(loggedSlates(world.log, world.log.end, 10)).rejects.toThrow(
      /expected impressions with propensities after event \d+.*explore: 0\.05/,
    );
  });
});
