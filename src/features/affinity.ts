/** The candidate against the user's touches: same creators, same categories, same length, same popularity. */
import type { Catalog } from "../catalog/index.ts";
import type { Query } from "../retrieval/index.ts";
import { CodeSlots } from "./code-slots.ts";
import type { FeatureGroup } from "./feature-set.ts";

/** Touches that make up the profile, and how much less each older one counts (guess: the last session dominates). */
const TOUCHES = 50;
const DECAY = 0.95;

export const affinity: FeatureGroup = {
  name: "affinity",
  version: 1,
  per: "candidate",
  smallestDeviation: 0.02,

  columns: () => [
    { name: "creator-share", kind: "share", unknown: 0 },
    { name: "creator-newest", kind: "flag", unknown: 0 },
    { name: "category-share", kind: "share", unknown: 0 },
    { name: "category-best", kind: "share", unknown: 0 },
    { name: "category-newest", kind: "share", unknown: 0 },
    { name: "duration-difference", kind: "log", ln: true, unknown: 0 },
    { name: "popularity-difference", kind: "log", ln: true, unknown: 0 },
    { name: "touched-before", kind: "flag", unknown: 0 },
  ],

  prepare() {
    const creators = new Shares();
    const categories = new Shares();
    const touched = new CodeSlots();
    return ({ query, catalog, candidates }, { matrix, width, first }) => {
      const profile = fillProfile(query, catalog, creators, categories, touched);
      const { items, statistics } = catalog;
      const { rows } = candidates;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let at = i * width + first;
        const creator = items.creator[row]!;
        matrix[at++] = creator === 0 ? 0 : creators.of(creator);
        matrix[at++] = creator !== 0 && creator === profile.newestCreator ? 1 : 0;
        let sum = 0;
        let best = 0;
        let newest = 0;
        const start = items.categoryOffsets[row]!;
        const count = items.categoryCounts[row]!;
        for (let c = start; c < start + count; c++) {
          const place = categories.slots.placeOf(items.categories[c]!);
          if (place < 0) continue;
          const share = categories.shares[place]!;
          sum += share;
          if (share > best) best = share;
          // The newest touch is the first that was added.
          if (place < profile.newestCategories) newest++;
        }
        matrix[at++] = count === 0 ? 0 : sum / count;
        matrix[at++] = best;
        matrix[at++] = count === 0 ? 0 : newest / count;
        const longer = (1 + items.duration[row]!) / profile.duration;
        matrix[at++] = Number.isFinite(longer) ? Math.max(longer, 1 / longer) : 0;
        matrix[at++] = Number.isNaN(profile.popularity)
          ? 0
          : (1 + statistics.engagements[row]!) / profile.popularity;
        matrix[at++] = touched.placeOf(row) < 0 ? 0 : 1;
      }
    };
  },
};

/** Shares of the weighted touches by code. */
class Shares {
  readonly slots = new CodeSlots();
  shares = new Float64Array(64);

  clear(): void {
    this.slots.clear();
  }

  add(code: number, share: number): void {
    const before = this.slots.count;
    const place = this.slots.add(code);
    if (place === this.shares.length) {
      const wider = new Float64Array(2 * place);
      wider.set(this.shares);
      this.shares = wider;
    }
    this.shares[place] = place === before ? share : this.shares[place]! + share;
  }

  of(code: number): number {
    const place = this.slots.placeOf(code);
    return place < 0 ? 0 : this.shares[place]!;
  }
}

interface Profile {
  readonly newestCreator: number;
  /** The categories of the newest touch have the places below it. */
  readonly newestCategories: number;
  /** Weighted geometric means over the touches of 1 + duration and of 1 + engagements, NaN without any. */
  readonly duration: number;
  readonly popularity: number;
}

function fillProfile(
  query: Query,
  catalog: Catalog,
  creators: Shares,
  categories: Shares,
  touched: CodeSlots,
): Profile {
  const { items, statistics } = catalog;
  creators.clear();
  categories.clear();
  touched.clear();
  for (let t = 0; t < query.items.length; t++) touched.add(query.items[t]!);
  const n = Math.min(query.items.length, TOUCHES);
  let total = 0;
  let durations = 0;
  let withDuration = 0;
  let popularity = 0;
  let newestCategories = 0;
  for (let t = 0, decay = 1; t < n; t++, decay *= DECAY) total += query.weights[t]! * decay;
  for (let t = 0, decay = 1; t < n; t++, decay *= DECAY) {
    const row = query.items[t]!;
    const share = (query.weights[t]! * decay) / total;
    creators.add(items.creator[row]!, share);
    const start = items.categoryOffsets[row]!;
    for (let c = start; c < start + items.categoryCounts[row]!; c++)
      categories.add(items.categories[c]!, share);
    if (t === 0) newestCategories = categories.slots.count;
    const duration = items.duration[row]!;
    // Not even a number of seconds where 32 bits cannot hold it.
    if (Number.isFinite(duration)) {
      durations += share * Math.log1p(duration);
      withDuration += share;
    }
    popularity += share * Math.log1p(statistics.engagements[row]!);
  }
  return {
    newestCreator: n === 0 ? 0 : items.creator[query.items[0]!]!,
    newestCategories,
    duration: withDuration > 0 ? Math.exp(durations / withDuration) : Number.NaN,
    popularity: n === 0 ? Number.NaN : Math.exp(popularity),
  };
}
