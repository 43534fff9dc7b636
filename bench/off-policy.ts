/**
 * Off-policy estimates and position bias on the simulated platform, where the truth is known: the same viewers are
 * asked what they would have done with the target's slates.
 */
import {
  type EpochMs,
  type EventId,
  HOUR,
  type ItemId,
  Random,
  type RequestId,
  type UserId,
} from "../src/core/index.ts";
import {
  correctedRates,
  examinationByEm,
  examinationByPropensity,
  type LoggedSlots,
  type OffPolicyEstimates,
  offPolicy,
  type SlotRewards,
} from "../src/evaluation/index.ts";
import type { Impression, Interaction } from "../src/events/index.ts";
import { chanceAt, explore, headOf } from "../src/policy/exploration.ts";
import {
  createViewer,
  createWorld,
  examination,
  simulateWorld,
  type Viewer,
} from "../src/simulation/index.ts";

export const about =
  "Plays a request of target rankings, estimated from a log of another ranking with exploration, over many runs with other users: the truth, the mean of the estimates, how often the 95 % interval holds the truth, root of the mean squared error, and how many runs the verdict trusts. The log is ranked by popularity; `better` ranks by what the user wants with some noise, `worse` by the opposite, `half without support` fills every other slot with what is never logged. The model of DR is a product of rates from the log before. Then the position-based model: true examination and what is found of it, and plays a request of one ranking of all items by click rates, plain and corrected, from a log whose order has nothing to do with what is wanted.";
export const needsBuild = false;

const END = Date.UTC(2026, 9, 31) as EpochMs;
const SLOTS = 10;
const PLACES = headOf(SLOTS);
const DRAWS = 3;
/** Users who are shown each of the rankings that are compared. */
const COMPARED = 3_000;
const REQUESTS = 3;

/** Arguments: runs, and users a run. */
export async function run(args: readonly string[] = []): Promise<unknown> {
  const [runs = 24, users = 300] = args.map(Number);
  const platform = new Platform();
  const rows: object[] = [];
  for (const [share, size] of [
    [0.3, users],
    [0.3, Math.round(users / 5)],
    [0.05, users],
  ] as const) {
    const logs = Array.from({ length: runs }, (_, seed) => platform.log(size, share, "popularity", seed));
    for (const target of Object.keys(TARGETS) as Target[]) rows.push(...scoreRuns(logs, target, share, size));
  }
  return { runs, "requests a user": REQUESTS, estimates: rows, ...positionBias(platform, runs * users) };
}

/** How the logged ranking orders, and out of how many of the most played items it draws a request's candidates. */
const POOLS = { popularity: 400, arbitrary: 100 } as const;
type Order = keyof typeof POOLS;

type Target = "better" | "worse" | "half without support" | "without support";

/** What a target shows at each slot, out of the places of the logged head and as many items that were never in it. */
const TARGETS: { readonly [T in Target]: (request: Request) => readonly number[] } = {
  better: ({ wanted }) => byDescending(wanted.subarray(0, PLACES)),
  worse: ({ wanted }) => byDescending(wanted.subarray(0, PLACES)).reverse(),
  "half without support": ({ wanted }) =>
    byDescending(wanted.subarray(0, PLACES)).map((place, slot) => (slot % 2 === 0 ? place : PLACES + slot)),
  "without support": ({ wanted }) => Array.from(wanted.subarray(PLACES), (_, i) => PLACES + i),
};

interface Request {
  readonly user: number;
  /** (2 PLACES) the ranked head, then items that the logging policy never shows */
  readonly items: readonly ItemId[];
  /** (2 PLACES) what a good ranker thinks of them */
  readonly wanted: Float64Array;
  /** (2 PLACES) what a model from the log before expects at the first position */
  readonly expected: Float64Array;
  /** (SLOTS) places shown, their chances, and whether they were played */
  readonly shown: Int32Array;
  readonly chances: Float64Array;
  readonly played: Float64Array;
  /** Plays that the target's slate would have had. */
  readonly truth: Readonly<Record<Target, number>>;
}

class Platform {
  private readonly world = createWorld({ end: END, users: 2_500, videos: 3_000 });
  private readonly history = new Map<UserId, Interaction[]>();
  private readonly model: RateModel;
  /** Items by plays in the log before, most first. */
  private readonly popular: readonly ItemId[];

  constructor() {
    const slates: Impression[] = [];
    const categories = new Map<ItemId, string>();
    const plays = new Map<ItemId, number>();
    for (const batch of simulateWorld(this.world))
      for (const event of batch) {
        if (event.kind === "item") categories.set(event.item, event.facts.categories?.[0] ?? "");
        if (event.kind === "impression") slates.push(event);
        if (event.kind !== "interaction") continue;
        const own = this.history.get(event.user);
        if (own === undefined) this.history.set(event.user, [event]);
        else own.push(event);
        if (event.type === "watch") plays.set(event.item, (plays.get(event.item) ?? 0) + 1);
      }
    this.popular = [...plays.keys()].sort((a, b) => plays.get(b)! - plays.get(a)!).slice(0, POOLS.popularity);
    this.model = new RateModel(slates, this.history, categories);
  }

  /** Users drawn with replacement, each with a few requests; slates are ranked by `order` and explored. */
  log(users: number, share: number, order: Order, seed: number): readonly Request[] {
    const random = new Random(`off-policy/${order}/${share}/${users}/${seed}`);
    const requests: Request[] = [];
    for (let user = 0; user < users; user++) {
      const id = `u${1 + random.int(this.world.population.count)}` as UserId;
      const viewer = this.viewer(id, `${seed}/${user}`);
      let time = (END + HOUR) as EpochMs;
      viewer.arrive(time);
      for (let i = 0; i < REQUESTS; i++) {
        const request = this.request(viewer, user, time, share, order, random);
        requests.push(request.logged);
        time = request.time;
      }
    }
    return requests;
  }

  /** Plays a request if everyone is shown the candidates by descending `value`. */
  earned(value: (item: ItemId) => number, users: number): number {
    const random = new Random("earned");
    let sum = 0;
    for (let user = 0; user < users; user++) {
      const id = `u${1 + random.int(this.world.population.count)}` as UserId;
      const items = this.candidates("arbitrary", random).slice(0, PLACES);
      const best = byDescending(Float64Array.from(items, value)).slice(0, SLOTS);
      const slate = { items: best.map((place) => items[place]!), time: (END + HOUR) as EpochMs };
      sum += total(this.viewer(id, `${user}`).imagine(slate, DRAWS));
    }
    return sum / users;
  }

  private viewer(user: UserId, seed: string): Viewer {
    const made = { user, makeId: () => "unused" as EventId, seed: new Random(seed).uint32() };
    const viewer = createViewer(this.world, made);
    for (const interaction of this.history.get(user) ?? []) viewer.remember(interaction);
    return viewer;
  }

  private candidates(order: Order, random: Random): ItemId[] {
    const drawn = new Set<ItemId>();
    while (drawn.size < 2 * PLACES) drawn.add(this.popular[random.int(POOLS[order])]!);
    return [...drawn];
  }

  private request(
    viewer: Viewer,
    user: number,
    time: EpochMs,
    share: number,
    order: Order,
    random: Random,
  ): { readonly logged: Request; readonly time: EpochMs } {
    const items = this.candidates(order, random);
    const head = items.slice(0, PLACES);
    const rank = (item: ItemId) => (order === "popularity" ? this.popular.indexOf(item) : hashOf(item));
    head.sort((a, b) => rank(a) - rank(b));
    items.splice(0, PLACES, ...head);
    const wanted = Float64Array.from(items, (item) => {
      const chance = viewer.interest(item, time);
      return Math.log(chance / (1 - chance)) + 0.5 * random.normal();
    });
    const places = Int32Array.from({ length: PLACES }, (_, place) => place);
    explore(places, SLOTS, share, random);
    const shown = places.slice(0, SLOTS);
    const partial = {
      user,
      items,
      wanted,
      expected: Float64Array.from(items, (item) => this.model.expected(viewer.user, item)),
      shown,
      chances: Float64Array.from(shown, (place, slot) => chanceAt(place, slot, SLOTS, PLACES, share)),
      played: new Float64Array(SLOTS),
      truth: { better: 0, worse: 0, "half without support": 0, "without support": 0 },
    };
    for (const target of Object.keys(TARGETS) as Target[]) {
      const slate = TARGETS[target](partial).slice(0, SLOTS);
      partial.truth[target] = total(
        viewer.imagine({ items: slate.map((place) => items[place]!), time }, DRAWS),
      );
    }
    const slate = Array.from(shown, (place) => items[place]!);
    const answer = viewer.view({ request: "logged" as RequestId, items: slate, time });
    for (const { type, item, request } of answer.events)
      if (type === "watch" && request !== undefined) partial.played[slate.indexOf(item)] = 1;
    return { logged: partial, time: (answer.time + HOUR) as EpochMs };
  }
}

/** Plays at the first position, as a product of rates in a log: of the item, and of the user in its category. */
class RateModel {
  private readonly items = new Rates(20);
  private readonly tastes = new Rates(5);
  private readonly categories: ReadonlyMap<ItemId, string>;
  private readonly mean: number;

  constructor(
    slates: readonly Impression[],
    history: ReadonlyMap<UserId, readonly Interaction[]>,
    categories: ReadonlyMap<ItemId, string>,
  ) {
    this.categories = categories;
    const played = new Set<string>();
    for (const interactions of history.values())
      for (const { type, request, item } of interactions)
        if (type === "watch" && request !== undefined) played.add(`${request}/${item}`);
    const clicks = new Float64Array(SLOTS);
    for (const { request, slots } of slates)
      for (const { item, position } of slots) if (played.has(`${request}/${item}`)) clicks[position]!++;
    const rates = clicks.map((count) => count / slates.length);
    for (const { request, user, slots } of slates)
      for (const { item, position } of slots) {
        const reward = played.has(`${request}/${item}`) ? 1 : 0;
        this.items.add(item, reward, rates[position]!);
        this.tastes.add(`${user}/${categories.get(item)}`, reward, rates[position]!);
      }
    this.mean = rates[0]!;
  }

  expected(user: UserId, item: ItemId): number {
    const lift = this.items.of(item) * this.tastes.of(`${user}/${this.categories.get(item)}`);
    return Math.min(0.9, this.mean * lift);
  }
}

/** Rewards over expected rewards by key, drawn towards 1 by a prior of so many expected rewards. */
class Rates {
  private readonly prior: number;
  private readonly sums = new Map<string, [number, number]>();

  constructor(prior: number) {
    this.prior = prior;
  }

  add(key: string, reward: number, expected: number): void {
    const sums = this.sums.get(key) ?? [0, 0];
    sums[0] += reward;
    sums[1] += expected;
    this.sums.set(key, sums);
  }

  of(key: string): number {
    const [rewards, expected] = this.sums.get(key) ?? [0, 0];
    return (rewards + this.prior) / (expected + this.prior);
  }
}

/** (slots of all requests) as columns, with the target's share in them; position rates are the simulation's guess of them. */
function columnsOf(requests: readonly Request[], target: Target): { slots: LoggedSlots; plays: SlotRewards } {
  const n = requests.length * SLOTS;
  const slots = {
    users: new Int32Array(n),
    requests: new Int32Array(n),
    positions: new Int32Array(n),
    propensities: new Float64Array(n),
    targets: new Float64Array(n),
  };
  const rewards = new Float64Array(n);
  const model = { logged: new Float64Array(n), target: new Float64Array(n) };
  for (let request = 0; request < requests.length; request++) {
    const { user, shown, chances, played, expected } = requests[request]!;
    const wanted = TARGETS[target](requests[request]!);
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = request * SLOTS + slot;
      slots.users[at] = user;
      slots.requests[at] = request;
      slots.positions[at] = slot;
      slots.propensities[at] = chances[slot]!;
      slots.targets[at] = wanted[slot] === shown[slot] ? 1 : 0;
      rewards[at] = played[slot]!;
      model.logged[at] = examination(slot) * expected[shown[slot]!]!;
      model.target[at] = examination(slot) * expected[wanted[slot]!]!;
    }
  }
  return { slots, plays: { name: "plays", rewards, model } };
}

/** One row an estimator: all runs of a target against the truth of all of them. */
function scoreRuns(
  logs: readonly (readonly Request[])[],
  target: Target,
  share: number,
  users: number,
): readonly object[] {
  const truths = logs.map((requests) => mean(requests.map(({ truth }) => truth[target])));
  const truth = mean(truths);
  const results: OffPolicyEstimates[] = logs.map((requests, seed) => {
    const { slots, plays } = columnsOf(requests, target);
    return offPolicy(slots, [plays], { resamples: 200, seed: `bench/${seed}` });
  });
  const effective = mean(results.map(({ overlap }) => overlap.effectiveSlots));
  const trusted = mean(results.map(({ verdict }) => (verdict.trustworthy ? 1 : 0)));
  return (["ips", "snips", "dr"] as const).map((name) => {
    const estimates = results.map(({ actions }) => actions[0]!.values[name]!);
    const means = estimates.map((estimate) => estimate.mean);
    const held = estimates.filter(({ mean: value, halfWidth }) => Math.abs(value - truth) <= halfWidth);
    return {
      target,
      explore: share,
      users,
      estimator: name.toUpperCase(),
      logged: round(mean(results.map(({ actions }) => actions[0]!.logged.mean))),
      truth: round(truth),
      estimate: round(mean(means)),
      "bias %": round(100 * (mean(means) / truth - 1), 1),
      "rmse %": round((100 * Math.sqrt(mean(means.map((value) => (value - truth) ** 2)))) / truth, 1),
      "±": round(mean(estimates.map(({ halfWidth }) => halfWidth))),
      "interval holds truth": round(held.length / logs.length, 2),
      "effective slots": Math.round(effective),
      "runs trusted": round(trusted, 2),
    };
  });
}

/** From one log of `users` users, ranked without regard to what is wanted. */
function positionBias(platform: Platform, users: number): object {
  const requests = platform.log(Math.min(users, 5_000), 0.1, "arbitrary", 0);
  const { slots, plays } = columnsOf(requests, "better");
  const names = [...new Set(requests.flatMap(({ items }) => items))];
  const codes = new Map(names.map((name, code) => [name, code]));
  const groups = Int32Array.from(
    requests.flatMap(({ items, shown }) => Array.from(shown, (place) => codes.get(items[place]!)!)),
  );
  const clicked = { users: slots.users, positions: slots.positions, clicks: plays.rewards };
  const harvested = examinationByPropensity(clicked, slots.propensities, { resamples: 200, seed: "bench" });
  const byEm = examinationByEm(clicked, groups);
  const shown = new Float64Array(SLOTS);
  const played = new Float64Array(SLOTS);
  for (let i = 0; i < groups.length; i++) {
    shown[slots.positions[i]!]!++;
    played[slots.positions[i]!]! += plays.rewards[i];
  }
  const rows = Array.from({ length: SLOTS }, (_, position) => ({
    position,
    "true examination": round(examination(position)),
    "by propensity": round(harvested[position]!.mean),
    "±": round(harvested[position]!.halfWidth),
    "by EM": round(byEm[position]!),
    "click rate": round(played[position]! / shown[position]! / (played[0]! / shown[0]!)),
  }));
  const earned = (examined: ArrayLike<number>) => {
    const rates = correctedRates(clicked, groups, examined);
    return round(platform.earned((item) => rates[codes.get(item) ?? -1] ?? 0, COMPARED));
  };
  return {
    "examination, first position = 1": rows,
    "plays a request, items ranked by": [
      {
        rates: "arbitrary order, as logged",
        plays: round(platform.earned((item) => -hashOf(item), COMPARED)),
      },
      { rates: "click rates", plays: earned(new Float64Array(SLOTS).fill(1)) },
      { rates: "corrected, examination by EM", plays: earned(byEm) },
      {
        rates: "corrected, examination by propensity",
        plays: earned(harvested.map((estimate) => estimate.mean)),
      },
      {
        rates: "corrected, true examination",
        plays: earned(Float64Array.from({ length: SLOTS }, (_, i) => examination(i))),
      },
    ],
  };
}

function byDescending(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]!);
}

/** An order that means nothing and is the same in every request. */
function hashOf(item: ItemId): number {
  return new Random(item).uint32();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function round(value: number, digits = 3): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
