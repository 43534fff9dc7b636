/**
 * How fast the simulated platform is, and whether its log has what a recommender could find: skew, position bias, and
 * how well the truth, the last video and plain popularity predict the next one among all that a user has not watched.
 */
import { DAY, type EpochMs, type EventId, type ItemId, type UserId } from "../src/core/index.ts";
import type { Impression, Interaction } from "../src/events/index.ts";
import {
  createViewer,
  createWorld,
  examination,
  type SimulationOptions,
  simulateWorld,
  simulationTruth,
  type Viewer,
} from "../src/simulation/index.ts";

export const about =
  "The simulated video platform: events per second, and what its log holds. HR@10 is over all published videos that the user has not watched yet, for a sample of the last six days' watches. `affinity` is the truth without what the user has just watched, `affinity and mood` with it; none of the two knows what is shown.";

const END = Date.UTC(2026, 9, 31) as EpochMs;
const SAMPLE = 2_000;
/** Every so many watches of the last days are predicted, so that the sample is spread over them. */
const EVERY = 17;
const TOP = 10;
const SLOTS = 10;

/** Arguments: users, videos, and `fast` to leave out what the log holds. */
export async function run(args: readonly string[] = []): Promise<unknown> {
  const [users, videos, mode] = args;
  const options = {
    end: END,
    ...(users === undefined ? {} : { users: Number(users) }),
    ...(videos === undefined ? {} : { videos: Number(videos) }),
  };
  const speed = measureSpeed(options);
  return mode === "fast" ? { speed } : { speed, ...describeLog(options) };
}

function measureSpeed(options: SimulationOptions): object {
  const before = process.cpuUsage();
  const began = performance.now();
  let events = 0;
  for (const batch of simulateWorld(createWorld(options))) events += batch.length;
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1e6;
  return {
    events,
    "wall s": round((performance.now() - began) / 1000),
    "cpu s": round(cpu),
    "events per cpu s": Math.round(events / cpu),
    "rss MB": Math.round(process.memoryUsage.rss() / 1e6),
  };
}

function describeLog(options: SimulationOptions): object {
  const world = createWorld(options);
  const kinds = new Map<string, number>();
  const slates = new SlateCounts();
  const predictions = new Predictions(options);
  const perItem = new Float64Array(predictions.videos);
  const perUser = new Float64Array(predictions.users);
  const shares = new Float64Array(10);
  let bytes = 0;
  for (const batch of simulateWorld(world)) {
    bytes += JSON.stringify(batch).length;
    for (const event of batch) {
      const kind = event.kind === "interaction" ? event.type : event.kind;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (event.kind === "impression") slates.show(event);
      if (event.kind !== "interaction") continue;
      perUser[rowOf(event.user)]!++;
      predictions.see(event);
      if (event.type !== "watch") continue;
      slates.play(event);
      perItem[rowOf(event.item)]!++;
      shares[Math.min(9, Math.floor((event.value ?? 0) * 10))]!++;
    }
  }
  const watches = kinds.get("watch") ?? 0;
  perUser.sort();
  return {
    log: {
      "MB as JSON": Math.round(bytes / 1e6),
      "interactions a user, median": perUser[perUser.length >> 1],
      "interactions a user, 99 %": perUser[Math.floor(perUser.length * 0.99)],
      "users without any": perUser.filter((n) => n === 0).length,
      "gini of watches over videos": round(gini(perItem)),
      "videos never watched": perItem.filter((n) => n === 0).length,
      "share of watches without a slate": round(slates.without / watches),
      "share of watches over half": round(sum(shares.subarray(5)) / watches),
    },
    kinds: Object.fromEntries(kinds),
    "watches by tenth of share watched": [...shares].map((n) => round(n / watches)),
    "clicks by position": slates.report(),
    "HR@10": predictions.report(),
  };
}

/** Shown and played slots by position. */
class SlateCounts {
  /** Watches that answer no slate. */
  without = 0;
  private readonly shown = new Float64Array(SLOTS);
  private readonly played = new Float64Array(SLOTS);
  private readonly positions = new Map<string, ReadonlyMap<string, number>>();

  show({ request, slots }: Impression): void {
    this.positions.set(request, new Map(slots.map(({ item, position }) => [item, position])));
    for (const { position } of slots) this.shown[position]!++;
  }

  play({ request, item }: Interaction): void {
    const position = this.positions.get(request ?? "")?.get(item);
    if (position === undefined) this.without++;
    else this.played[position]!++;
  }

  report(): readonly object[] {
    return [...this.shown].map((shown, position) => ({
      position,
      ctr: round(this.played[position]! / shown),
      examination: round(examination(position)),
    }));
  }
}

interface Known {
  readonly viewer: Viewer;
  readonly watched: Set<number>;
  last: number;
}

/** Predicts a sample of watches, each from the log before it. */
class Predictions {
  readonly users: number;
  readonly videos: number;
  private readonly world;
  private readonly truth;
  private readonly from: number;
  private readonly items: readonly ItemId[];
  private readonly popularity: Float64Array;
  private readonly scores: Float64Array;
  private readonly transitions = new Map<number, Map<number, number>>();
  private readonly known = new Map<UserId, Known>();
  private readonly hits = new Map<string, number>();
  private eligible = 0;
  private sampled = 0;

  constructor(options: SimulationOptions) {
    this.world = createWorld(options);
    this.truth = simulationTruth(this.world);
    this.from = options.end - 6 * DAY;
    this.users = this.world.population.count;
    this.videos = this.world.catalogue.count;
    this.items = Array.from({ length: this.videos }, (_, row) => `v${row + 1}` as ItemId);
    this.popularity = new Float64Array(this.videos);
    this.scores = new Float64Array(this.videos);
  }

  see(event: Interaction): void {
    const known = this.knownOf(event.user);
    if (event.type === "watch") {
      const row = rowOf(event.item);
      const wanted = event.time > this.from && known.last >= 0 && !known.watched.has(row);
      if (wanted && ++this.eligible % EVERY === 0 && this.sampled < SAMPLE) this.predict(event, known, row);
      this.learn(known, row);
    }
    known.viewer.remember(event);
  }

  report(): object {
    const rates = [...this.hits].map(([name, hits]) => [name, round(hits / this.sampled)]);
    return { sample: this.sampled, ...Object.fromEntries(rates) };
  }

  private predict({ user, time }: Interaction, { viewer, watched, last }: Known, target: number): void {
    const { publishedAt } = this.world.catalogue;
    const published = publishedAt.filter((at) => at <= time).length;
    const after = this.transitions.get(last);
    const step = (row: number) => (after?.get(row) ?? 0) + this.popularity[row]! / 1e4;
    const wish = (row: number) => viewer.interest(this.items[row]!, time);
    const systems: { readonly [name: string]: (row: number) => number } = {
      popular: (row) => this.popularity[row]!,
      transitions: step,
      affinity: (row) => this.truth.affinity(user, this.items[row]!, time),
      "affinity and mood": wish,
      "transitions x odds of affinity and mood": (row) => (step(row) * wish(row)) / (1 - wish(row)),
    };
    this.sampled++;
    for (const [name, score] of Object.entries(systems)) {
      for (let row = 0; row < published; row++)
        this.scores[row] = watched.has(row) ? Number.NEGATIVE_INFINITY : score(row);
      const better = this.scores.subarray(0, published).filter((s) => s > this.scores[target]!).length;
      this.hits.set(name, (this.hits.get(name) ?? 0) + (better < TOP ? 1 : 0));
    }
  }

  private learn(known: Known, row: number): void {
    this.popularity[row]!++;
    if (known.last >= 0) {
      const after = this.transitions.get(known.last) ?? new Map<number, number>();
      this.transitions.set(known.last, after.set(row, (after.get(row) ?? 0) + 1));
    }
    known.last = row;
    known.watched.add(row);
  }

  private knownOf(user: UserId): Known {
    let known = this.known.get(user);
    if (known === undefined) {
      const makeId = () => "unused" as EventId;
      known = { viewer: createViewer(this.world, { user, makeId }), watched: new Set(), last: -1 };
      this.known.set(user, known);
    }
    return known;
  }
}

function rowOf(id: string): number {
  return Number(id.slice(1)) - 1;
}

function gini(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const weighted = sorted.reduce((total, value, i) => total + (i + 1) * value, 0);
  return (2 * weighted) / (n * sum(sorted)) - (n + 1) / n;
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
