/** What policy costs a request: the mask over a large catalog, and the slate out of 500 candidates. Median and CPU time. */
import { createCatalog } from "../src/catalog/index.ts";
import {
  type EpochMs,
  type EventId,
  type ItemId,
  type Offset,
  Random,
  type UserId,
} from "../src/core/index.ts";
import type { InteractionType, ItemUpsert } from "../src/events/index.ts";
import { applyPolicy, buildMask, DEFAULT_POLICY, type FilterRules } from "../src/policy/index.ts";
import { emptyState, type Touch, type UserState } from "../src/state/index.ts";

export const about =
  "Policy per request: the mask over 100,000 items for a user with 512 touches, and 20 slots out of 500 candidates.";
export const needsBuild = false;

const ITEMS = 100_000;
const NOW = 1_700_000_000_000 as EpochMs;

export async function run(): Promise<unknown> {
  const random = new Random("bench/policy");
  const catalog = createCatalog();
  catalog.apply(
    Array.from({ length: ITEMS }, (_, at) => ({ offset: at as Offset, event: randomItem(at, random) })),
  );
  const seen = stateOf("watch", 512, random);
  const blocking: UserState = { ...seen, vetoes: stateOf("block", 16, random).touches };
  const mask = (state: UserState, rules: FilterRules = {}) => buildMask(catalog, state, rules, NOW).count;

  const rows = Int32Array.from({ length: 500 }, () => random.int(ITEMS));
  const scores = Float32Array.from({ length: 500 }, () => random.next())
    .sort()
    .reverse();
  const slate = (diversity: number, limit = 20, explore = 0) =>
    applyPolicy(catalog, rows, scores, limit, { ...DEFAULT_POLICY, diversity, explore }, "r1").order[0]!;

  return {
    items: ITEMS,
    rows: [
      measure("mask: 512 seen", () => mask(seen)),
      measure("mask: 512 seen, 16 blocked creators", () => mask(blocking)),
      measure("mask: 512 seen, one category", () => mask(seen, { categories: ["c3"] })),
      measure("slate of 20: cap alone", () => slate(0)),
      measure("slate of 20: cap and diversity", () => slate(DEFAULT_POLICY.diversity)),
      measure("slate of 20: cap, diversity and exploration", () => slate(DEFAULT_POLICY.diversity, 20, 0.05)),
      measure("slate of 100: cap and diversity", () => slate(DEFAULT_POLICY.diversity, 100)),
    ],
  };
}

let consumed = 0;

function measure(what: string, work: () => number) {
  for (let i = 0; i < 200; i++) consumed += work();
  const times: number[] = [];
  const cpu = process.cpuUsage();
  for (let i = 0; i < 1_000; i++) {
    const start = performance.now();
    consumed += work();
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  if (!Number.isFinite(consumed)) throw new Error("bench/policy: a result is not finite");
  const round = (ms: number) => Math.round(ms * 1e4) / 1e4;
  return {
    what,
    p50_ms: round(times[500]!),
    cpu_ms: round((user + system) / 1e6),
  };
}

function randomItem(at: number, random: Random): ItemUpsert {
  const categories = Array.from({ length: 1 + random.int(3) }, () => `c${random.int(20)}`);
  const facts = { creator: `creator ${random.int(5_000)}`, categories, publishedAt: NOW };
  return { kind: "item", id: `e${at}` as EventId, time: NOW, item: `v${at}` as ItemId, facts };
}

function stateOf(type: InteractionType, count: number, random: Random): UserState {
  const touches = Array.from(
    { length: count },
    (_, at): Touch => ({
      id: `t${at}` as EventId,
      item: `v${random.int(ITEMS)}` as ItemId,
      type,
      value: Number.NaN,
      time: NOW,
    }),
  );
  return { ...emptyState("u" as UserId), touches };
}
