/**
 * Session kNN: other users' sessions that share recent items with this user, and what was taken there around the
 * newest shared item (V-SkNN, Ludewig and Jannach 2018; the weight by distance from the shared item is STAN's,
 * Garg et al. 2019).
 *
 *   sim(s) = sum over shared items i of decay^lag(i) * idf(i) / (1 + |p_i - p| / NEAR), as a share of what a session
 *            with all of them would have; p is the place in s of the newest shared item
 *   score(c) = sum over the NEIGHBOURS best s, and places q around p where c stands, of
 *              sim(s)^POWER * (1 after p, BACK before) / (1 + (|q - p| - 1) / FADE) / popularity(c)^DAMPING
 *
 * Where transitions adds up what each item says by itself, here a session that shares three items says more than three
 * sessions that share one. Without an online index of its own: sessions are those of the fit.
 *
 * What is kept are the sequences themselves, without users' names: 4 bytes an interaction, and 4 more for each of the
 * OCCURRENCES newest of an item.
 */
import { setImmediate } from "node:timers/promises";
import type { Progress } from "../core/index.ts";
import { type Selected, SessionSums } from "../tensor/index.ts";
import type { Columns, Query, Source, Touches } from "./retriever.ts";
import type { Sequences } from "./sequences.ts";

export interface SessionOptions {
  /** Items of a session: sequences are cut every so many. */
  readonly length: number;
  /** How many of the user's newest items are looked for, without repeats and those that the fit does not know. */
  readonly lags: number;
  /** How much each older one counts less. */
  readonly decay: number;
  readonly neighbours: number;
  readonly power: number;
  /** Steps on either side of the newest shared item in which candidates stand. */
  readonly reach: number;
  readonly back: number;
  readonly fade: number;
  readonly near: number;
  readonly damping: number;
}

/*
 * Chosen on the validation items of ml-1m and amazon-beauty together (`npm run bench -- sources`), but for the
 * neighbours: 500 of them find a little more, NDCG@10 and Recall@500 of .1815 and .8588 instead of .1808 and .8538
 * (±.0078, ±.0094) on ml-1m and of .0643 and .3710 instead of .0642 and .3700 on amazon-beauty, in 1.4 times the time.
 */
export const SESSIONS: SessionOptions = {
  length: 40,
  lags: 10,
  decay: 0.8,
  neighbours: 300,
  power: 3,
  reach: 20,
  back: 0.2,
  fade: 2,
  near: 20,
  damping: 0.1,
};
/** The newest places of an item that are looked at: bounds the time of a request. */
export const OCCURRENCES = 1000;

export const sessionKnn: Source = {
  name: "session-knn",
  signalNames: ["session-knn", "session-knn-places", "session-knn-nearest"],
  personal: true,
  knowsNewItems: false,
  weight: 1,
  depth: 0.6,

  async fit({ sequences, progress }) {
    progress.step("fit session-knn", sequences.items.length, "interactions");
    return sessionColumns(sequences, OCCURRENCES, progress);
  },

  async load(columns) {
    const sessions = new Sessions(columns, SESSIONS);
    return {
      name: this.name,
      signalNames: this.signalNames,
      personal: this.personal,
      retrieve(query, k) {
        const found = sessions.near(query);
        return {
          ...sessions.top(found, query, k),
          signals: (rows, out) => sessions.of(found, rows, out),
        };
      },
    };
  },
};

/**
 * The sequences, and where each item stands in them.
 *
 * @returns offsets (users + 1), items (E): as in Sequences. starts (items + 1), places (P): item a stands at
 *   places[starts[a] .. starts[a + 1]], newest first, at most `occurrences`. counts (items): how often it stands anywhere
 */
export async function sessionColumns(
  { offsets, items, times, itemCount }: Sequences,
  occurrences: number,
  progress: Progress,
): Promise<Columns> {
  const counts = new Int32Array(itemCount);
  for (let p = 0; p < items.length; p++) counts[items[p]!]!++;
  const bounds = new Int32Array(itemCount + 1);
  for (let a = 0; a < itemCount; a++) bounds[a + 1] = bounds[a]! + counts[a]!;
  const next = bounds.slice();
  const sorted = new Int32Array(items.length);
  for (let p = 0; p < items.length; p++) sorted[next[items[p]!]!++] = p;
  const starts = new Int32Array(itemCount + 1);
  let lastYield = 0;
  for (let a = 0; a < itemCount; a++) {
    const own = sorted.subarray(bounds[a], bounds[a + 1]).sort((p, q) => times[q]! - times[p]! || q - p);
    // What is kept moves to the front: never past what is still to be read.
    const kept = own.subarray(0, occurrences);
    sorted.set(kept, starts[a]);
    starts[a + 1] = starts[a]! + kept.length;
    if (bounds[a + 1]! - lastYield > 50_000) {
      lastYield = bounds[a + 1]!;
      progress.update(lastYield);
      await setImmediate();
    }
  }
  return {
    offsets: offsets.slice(),
    items: items.slice(),
    starts,
    places: sorted.slice(0, starts[itemCount]),
    counts,
  };
}

/** The sessions nearest to a user: places of the newest shared item, and the votes sim^power, nearest first. */
export interface Found {
  /** (K) */
  readonly anchors: Int32Array;
  /** (K) > 0 */
  readonly votes: Float32Array;
}

/** Finds sessions and adds up what they say. One accumulator serves all queries, since nothing in here waits. */
export class Sessions {
  private readonly options: SessionOptions;
  /** (items) */
  private readonly idf: Float32Array;
  private readonly index: SessionSums;
  private summed: Found | undefined;

  constructor(columns: Columns, options: SessionOptions) {
    const { offsets, items, starts, places, counts } = intsOf(columns);
    const { length, reach, fade, back, near, damping } = options;
    /** (E) session of each place. */
    const sessionOf = new Int32Array(items.length);
    let count = 0;
    for (let u = 0; u + 1 < offsets.length; u++) {
      const end = offsets[u + 1]!;
      for (let p = offsets[u]!; p < end; p++) {
        if ((p - offsets[u]!) % length === 0) count++;
        sessionOf[p] = count - 1;
      }
    }
    const after = Float32Array.from({ length: reach + 1 }, (_, gap) => 1 / (1 + (gap - 1) / fade));
    this.options = options;
    this.idf = Float32Array.from(counts, (n) => Math.log1p(count / Math.max(1, n)));
    this.index = new SessionSums({
      ...{ offsets, items, starts, places, near, after },
      sessions: places.map((place) => sessionOf[place]!),
      before: after.map((weight) => back * weight),
      factors: Float32Array.from(counts, (n) => Math.max(1, n) ** -damping),
    });
  }

  near({ items }: Touches): Found {
    const { idf, index, options } = this;
    const { lags, decay, neighbours, power } = options;
    const rows: number[] = [];
    const weights: number[] = [];
    let whole = 0;
    for (let touch = 0; touch < items.length && rows.length < lags; touch++) {
      const item = items[touch]!;
      if (item >= idf.length || rows.includes(item)) continue;
      const weight = decay ** rows.length * idf[item]!;
      rows.push(item);
      weights.push(weight);
      whole += weight;
    }
    const { anchors, similarities } = index.nearest(rows, weights, neighbours);
    return { anchors, votes: similarities.map((similarity) => (similarity / whole) ** power) };
  }

  /** The k allowed rows with the highest scores. */
  top(found: Found, query: Query, k: number): Selected {
    this.add(found);
    return this.index.sums.best(k, query.allowed);
  }

  /**
   * Writes for chosen rows what the sessions say.
   *
   * @param out [3] (rows.length) the score; the places where the row stands within reach: how many sessions bear the
   *   score; the vote of the nearest session among them
   */
  of(found: Found, rows: Int32Array, out: readonly Float32Array[]): void {
    if (this.summed !== found) this.add(found);
    this.index.sums.read(rows, out);
  }

  private add(found: Found): void {
    this.summed = undefined;
    this.index.around(found.anchors, found.votes);
    this.summed = found;
  }
}

/** The columns of a bundle, or those of no sequences. */
function intsOf({ offsets, items, starts, places, counts }: Columns) {
  const ints = (column: Columns[string] | undefined, length: number) =>
    column instanceof Int32Array ? column : new Int32Array(length);
  return {
    offsets: ints(offsets, 1),
    items: ints(items, 0),
    starts: ints(starts, 1),
    places: ints(places, 0),
    counts: ints(counts, 0),
  };
}
