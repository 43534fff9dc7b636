/** The candidate against the user's touches: same creators, same categories, same length, same popularity. */
import type { Catalog } from "../catalog/index.ts";
import type { Query } from "../retrieval/index.ts";
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
    { name: "duration-difference", kind: "log", unknown: 0 },
    { name: "popularity-difference", kind: "log", unknown: 0 },
    { name: "touched-before", kind: "flag", unknown: 0 },
  ],

  prepare:
    () =>
    ({ query, catalog, candidates }, { matrix, width, first }) => {
      const profile = profileOf(query, catalog);
      const { items, statistics } = catalog;
      const { rows } = candidates;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let at = i * width + first;
        const creator = items.creator[row]!;
        matrix[at++] = creator === 0 ? 0 : (profile.creators.get(creator) ?? 0);
        matrix[at++] = creator !== 0 && creator === profile.newestCreator ? 1 : 0;
        let sum = 0;
        let best = 0;
        let newest = 0;
        const start = items.categoryOffsets[row]!;
        const count = items.categoryCounts[row]!;
        for (let c = start; c < start + count; c++) {
          const code = items.categories[c]!;
          const share = profile.categories.get(code) ?? 0;
          sum += share;
          if (share > best) best = share;
          if (profile.newestCategories.has(code)) newest++;
        }
        matrix[at++] = count === 0 ? 0 : sum / count;
        matrix[at++] = best;
        matrix[at++] = count === 0 ? 0 : newest / count;
        const duration = items.duration[row]!;
        matrix[at++] =
          Number.isFinite(duration) && Number.isFinite(profile.logDuration)
            ? Math.abs(Math.log1p(duration) - profile.logDuration)
            : 0;
        matrix[at++] = Number.isNaN(profile.logPopularity)
          ? 0
          : Math.log1p(statistics.engagements[row]!) - profile.logPopularity;
        matrix[at++] = profile.rows.has(row) ? 1 : 0;
      }
    },
};

interface Profile {
  /** Share of the weighted touches by creator code and by category code. */
  readonly creators: ReadonlyMap<number, number>;
  readonly categories: ReadonlyMap<number, number>;
  readonly newestCreator: number;
  readonly newestCategories: ReadonlySet<number>;
  /** Weighted means over the touches, NaN without any. */
  readonly logDuration: number;
  readonly logPopularity: number;
  readonly rows: ReadonlySet<number>;
}

function profileOf(query: Query, catalog: Catalog): Profile {
  const { items, statistics } = catalog;
  const creators = new Map<number, number>();
  const categories = new Map<number, number>();
  const newestCategories = new Set<number>();
  const n = Math.min(query.items.length, TOUCHES);
  let total = 0;
  let durations = 0;
  let withDuration = 0;
  let popularity = 0;
  for (let t = 0, decay = 1; t < n; t++, decay *= DECAY) total += query.weights[t]! * decay;
  for (let t = 0, decay = 1; t < n; t++, decay *= DECAY) {
    const row = query.items[t]!;
    const share = (query.weights[t]! * decay) / total;
    const creator = items.creator[row]!;
    creators.set(creator, (creators.get(creator) ?? 0) + share);
    const start = items.categoryOffsets[row]!;
    for (let c = start; c < start + items.categoryCounts[row]!; c++) {
      const code = items.categories[c]!;
      categories.set(code, (categories.get(code) ?? 0) + share);
      if (t === 0) newestCategories.add(code);
    }
    const duration = items.duration[row]!;
    // Not even a number of seconds where 32 bits cannot hold it.
    if (Number.isFinite(duration)) {
      durations += share * Math.log1p(duration);
      withDuration += share;
    }
    popularity += share * Math.log1p(statistics.engagements[row]!);
  }
  return {
    creators,
    categories,
    newestCreator: n === 0 ? 0 : items.creator[query.items[0]!]!,
    newestCategories,
    logDuration: withDuration > 0 ? durations / withDuration : Number.NaN,
    logPopularity: n === 0 ? Number.NaN : popularity,
    rows: new Set(query.items),
  };
}
