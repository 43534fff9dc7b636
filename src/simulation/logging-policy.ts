/**
 * The policy that fills the slates of the simulated platform: a noisy mixture of five simple sources, as a platform
 * without a trained model has. Each slot draws a source by SOURCES' weights and a video by that source's weights, never
 * one that is in the slate already or that the user remembers. So a slot's propensity given the slots above it is known
 * exactly: the sum over sources of weight x the video's share of what is left in that source.
 */
import { DAY, HOUR, type Random } from "../core/index.ts";
import { TOPICS_OF_VIDEO } from "./catalogue.ts";
import type { Mind } from "./mind.ts";
import { PoolOfAll, type Source, WeightedPool } from "./pool.ts";
import { firstAbove } from "./sampling.ts";
import { createShelves, type Shelves } from "./shelves.ts";
import type { World } from "./world.ts";

const SLATE = 10;
export const LOGGING_MODEL = "logging-policy";

/** Names as they appear in the slots, with the weights of the mixture. */
const SOURCES = {
  "logging-popular": 0.2,
  "logging-fresh": 0.06,
  "logging-followed": 0.17,
  "logging-similar": 0.47,
  "logging-explore": 0.1,
} as const;
const SOURCE_NAMES = Object.keys(SOURCES) as readonly (keyof typeof SOURCES)[];
const SOURCE_WEIGHTS = Object.values(SOURCES);

const POPULAR = 200;
const FRESH = 60;
const FOLLOWED_CREATORS = 8;
const OF_EACH_CREATOR = 6;
/** The popular source's weights are popularity to this power: a softmax over its logarithm. */
const POPULAR_SHARPNESS = 1.1;
/** How often popularity is looked at again, and what is left of it after a day (half-life 6.6 days). */
const REFRESH = 6 * HOUR;
const KEPT_A_DAY = 0.9;
/** A source with less than this share of its weight left is skipped: drawing from it would be guessing in vain. */
const LEAST_LEFT = 0.02;

/** A slate being drawn; reused between requests. */
export interface Draft {
  /** (SLATE) rows; only the first `count` mean something. */
  readonly rows: Int32Array;
  readonly propensities: Float64Array;
  readonly sources: (keyof typeof SOURCES)[];
  count: number;
}

export class LoggingPolicy {
  private readonly world: World;
  private readonly random: Random;
  private readonly popularity: Float64Array;
  private readonly shelves: Shelves;
  private readonly popular: WeightedPool;
  private readonly fresh: WeightedPool;
  private readonly followed: WeightedPool;
  private readonly similar: WeightedPool;
  private readonly all = new PoolOfAll();
  private readonly pools: readonly Source[];
  /** (videos) serial of the last request that must not show the video. */
  private readonly excluded: Uint32Array;
  private readonly left = new Float64Array(SOURCE_NAMES.length);
  private readonly draft: Draft;
  private serial = 0;
  private published = 0;
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
    const { count } = world.catalogue;
    this.popularity = priorPopularity(world);
    this.shelves = createShelves(world);
    this.popular = new WeightedPool(count, POPULAR);
    this.fresh = new WeightedPool(count, FRESH);
    this.followed = new WeightedPool(count, FOLLOWED_CREATORS * OF_EACH_CREATOR);
    this.similar = new WeightedPool(count, this.shelves.width + 1);
    this.pools = [this.popular, this.fresh, this.followed, this.similar, this.all];
    this.excluded = new Uint32Array(count);
    this.draft = {
      rows: new Int32Array(SLATE),
      propensities: new Float64Array(SLATE),
      sources: new Array<keyof typeof SOURCES>(SLATE).fill("logging-popular"),
      count: 0,
    };
  }

  watched(row: number, share: number): void {
    this.popularity[row]! += share;
  }

  /** The slate for `mind` at `time`; the draft is valid until the next call. */
  slate(mind: Mind, time: number): Draft {
    this.moveTo(time);
    this.serial++;
    this.gatherFollowed(mind);
    this.gatherSimilar(mind, time);
    this.exclude(mind);
    const { draft } = this;
    draft.count = 0;
    while (draft.count < SLATE && this.drawSlot()) draft.count++;
    return draft;
  }

  private moveTo(time: number): void {
    const { publishedAt } = this.world.catalogue;
    const before = this.published;
    while (this.published < publishedAt.length && publishedAt[this.published]! <= time) this.published++;
    this.all.size = this.published;
    if (time - this.refreshedAt >= REFRESH) {
      const days = Math.min(30, (time - this.refreshedAt) / DAY);
      if (Number.isFinite(this.refreshedAt)) decay(this.popularity, KEPT_A_DAY ** days);
      this.refreshedAt = time;
      this.shelves.refresh(this.popularity, this.published);
      this.popular.clear();
      for (const row of this.shelves.top(this.popularity, POPULAR))
        this.popular.add(row, this.popularity[row]! ** POPULAR_SHARPNESS);
    }
    if (this.published > before) {
      this.fresh.clear();
      for (let age = 0; age < FRESH && age < this.published; age++)
        this.fresh.add(this.published - 1 - age, 0.96 ** age);
    }
  }

  /** The newest videos of the creators followed last. */
  private gatherFollowed(mind: Mind): void {
    this.followed.clear();
    const from = Math.max(0, mind.followed.length - FOLLOWED_CREATORS);
    for (let i = from; i < mind.followed.length; i++) {
      const videos = this.world.catalogue.creators.videos[mind.followed[i]!]!;
      const known = firstAbove(videos, this.published - 1);
      for (let age = 0; age < OF_EACH_CREATOR && age < known; age++)
        this.followed.add(videos[known - 1 - age]!, 0.8 ** age);
    }
  }

  /** The shelf of the topic watched last, its creator's videos more so, and the next part of a series most of all. */
  private gatherSimilar(mind: Mind, time: number): void {
    this.similar.clear();
    if (mind.last < 0) return;
    const { catalogue } = this.world;
    const topic = catalogue.topics[mind.last * TOPICS_OF_VIDEO]!;
    const next = mind.nextPart(this.published, time);
    const shelf = topic * this.shelves.width;
    for (let i = 0; i < this.shelves.sizes[topic]!; i++) {
      const row = this.shelves.rows[shelf + i]!;
      if (row === next) continue;
      const same = catalogue.creator[row] === catalogue.creator[mind.last] ? 3 : 1;
      this.similar.add(row, same * this.shelves.weights[shelf + i]!);
    }
    if (next >= 0) this.similar.add(next, this.similar.total > 0 ? 0.5 * this.similar.total : 1);
  }

  /** What the user remembers is not shown, as far as half of the catalogue is left to show. */
  private exclude(mind: Mind): void {
    const { left, pools } = this;
    for (let s = 0; s < pools.length; s++) left[s] = pools[s]!.total;
    const most = Math.min(mind.watched.length, this.published >> 1);
    for (let i = mind.watched.length - most; i < mind.watched.length; i++) this.take(mind.watched[i]!);
  }

  private take(row: number): void {
    this.excluded[row] = this.serial;
    for (let s = 0; s < this.pools.length; s++) this.left[s]! -= this.pools[s]!.weightOf(row);
  }

  private drawSlot(): boolean {
    const { left, pools, draft } = this;
    let mixture = 0;
    for (let s = 0; s < pools.length; s++) if (this.live(s)) mixture += SOURCE_WEIGHTS[s]!;
    if (mixture === 0) return false;
    let source = -1;
    for (let u = this.random.next() * mixture, s = 0; s < pools.length && u >= 0; s++) {
      if (!this.live(s)) continue;
      source = s;
      u -= SOURCE_WEIGHTS[s]!;
    }
    let row = pools[source]!.draw(this.random);
    while (this.excluded[row] === this.serial) row = pools[source]!.draw(this.random);
    let propensity = 0;
    for (let s = 0; s < pools.length; s++)
      if (this.live(s)) propensity += (SOURCE_WEIGHTS[s]! * pools[s]!.weightOf(row)) / left[s]!;
    draft.rows[draft.count] = row;
    draft.propensities[draft.count] = propensity / mixture;
    draft.sources[draft.count] = SOURCE_NAMES[source]!;
    this.take(row);
    return true;
  }

  private live(source: number): boolean {
    const total = this.pools[source]!.total;
    return total > 0 && this.left[source]! > LEAST_LEFT * total;
  }
}

/**
 * Popularity as it would stand at the start, had the period gone on before: watches a video in the long run, skewed by
 * quality and chance, and little for videos that are yet to appear.
 */
function priorPopularity(world: World): Float64Array {
  const { size, catalogue } = world;
  const watchesADay = size.events / size.days / catalogue.count;
  const typical = Math.max(0.05, (0.5 * watchesADay) / (1 - KEPT_A_DAY));
  const random = world.random.fork("popularity");
  return Float64Array.from({ length: catalogue.count }, (_, row) => {
    const scale = catalogue.publishedAt[row]! < size.start ? typical : typical / 4;
    return scale * Math.exp(0.6 * catalogue.quality[row]! + 0.5 * random.normal());
  });
}

function decay(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
}
