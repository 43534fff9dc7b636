/** The candidate against the user's touches: same creators, same categories, same length, same popularity. */
import type { Catalog } from "../catalog/index.ts";
import type { Query } from "../retrieval/index.ts";
import { BLOCK_ROWS } from "../tensor/index.ts";
import { CodeSlots } from "./code-slots.ts";
import type { CandidateGroup } from "./feature-set.ts";

/** Touches that make up the profile, and how much less each older one counts (guess: the last session dominates). */
const TOUCHES = 50;
const DECAY = 0.95;

export const affinity: CandidateGroup = {
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

  prepare(_, block, columns) {
    const { rows, creator, categoryOffsets, categoryCounts, duration, engagements } = block;
    const creators = new Shares();
    const categories = new Shares();
    const touched = new CodeSlots();
    return ({ query, catalog }) => {
      const profile = fillProfile(query, catalog, creators, categories, touched);
      const { categories: codes } = catalog.items;
      return () => {
        for (let i = 0; i < block.count; i++) {
          const byWhom = creator[i]!;
          if (byWhom !== 0) {
            columns[i] = creators.of(byWhom);
            columns[BLOCK_ROWS + i] = byWhom === profile.newestCreator ? 1 : 0;
          }
          let sum = 0;
          let best = 0;
          let newest = 0;
          const start = categoryOffsets[i]!;
          const own = categoryCounts[i]!;
          for (let c = start; c < start + own; c++) {
            const place = categories.places.placeOf(codes[c]!);
            if (place < 0) continue;
            const share = categories.shares[place]!;
            sum += share;
            if (share > best) best = share;
            // The newest touch is the first that was added.
            if (place < profile.newestCategories) newest++;
          }
          if (own > 0) {
            columns[2 * BLOCK_ROWS + i] = sum / own;
            columns[3 * BLOCK_ROWS + i] = best;
            columns[4 * BLOCK_ROWS + i] = newest / own;
          }
          const longer = (1 + duration[i]!) / profile.duration;
          columns[5 * BLOCK_ROWS + i] = Number.isFinite(longer) ? Math.max(longer, 1 / longer) : 0;
          const { popularity } = profile;
          columns[6 * BLOCK_ROWS + i] = Number.isNaN(popularity) ? 0 : (1 + engagements[i]!) / popularity;
          columns[7 * BLOCK_ROWS + i] = touched.placeOf(rows[i]!) < 0 ? 0 : 1;
        }
      };
    };
  },
};

/** Shares of the weighted touches by code. */
class Shares {
  readonly places = new CodeSlots();
  shares = new Float64Array(64);

  clear(): void {
    this.places.clear();
  }

  add(code: number, share: number): void {
    const before = this.places.count;
    const place = this.places.add(code);
    if (place === this.shares.length) {
      const wider = new Float64Array(2 * place);
      wider.set(this.shares);
      this.shares = wider;
    }
    this.shares[place] = place === before ? share : this.shares[place]! + share;
  }

  of(code: number): number {
    const place = this.places.placeOf(code);
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
    if (t === 0) newestCategories = categories.places.count;
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
