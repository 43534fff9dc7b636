/**
 * A shortlist: what a look at all vectors leaves over of one user, before anybody knows what may be shown. A search that
 * has one looks at nothing else (scorer.ts); making it takes most of what a search takes, and another thread can do it
 * with a copy of what the first look reads.
 */
import { CoarseRows, MANY } from "./coarse-rows.ts";
import { Kernels } from "./kernels.ts";

export interface Shortlist {
  /** Of the vectors that were looked at. */
  readonly version: number;
  /** A whole number that nothing is above, as the first look sees it; the sum is relative to it. */
  readonly top: number;
  /** Σ exp(score - top) over all rows, as the first look sees them. */
  readonly sum: number;
  /** The exact score of what is not in the list is below. */
  readonly floor: number;
  /** (n) */
  readonly places: Int32Array;
  /** (n) as the first look sees them. */
  readonly scores: Float32Array;
}

/** What a first look reads of some places. */
export interface PlaceRows {
  readonly version: number;
  /** Of a vector, and how many places there may be: what has other ones begins anew. */
  readonly k: number;
  readonly capacity: number;
  /** Places that were ever taken. */
  readonly total: number;
  /** (n) the places. */
  readonly places: Int32Array;
  /** (n, width) */
  readonly units: Uint8Array;
  /** (n) each. */
  readonly scales: Float32Array;
  readonly errors: Float32Array;
  /** (n) how many rows stand there. */
  readonly counts: Float32Array;
}

/** Where a copy of the first look comes from. */
export interface PlaceFeed {
  /** All places; undefined where there are so few that nothing looks at them first. */
  all(): PlaceRows | undefined;
  /** Those that have changed since the last call, or all; undefined where none has. */
  changes(): PlaceRows | undefined;
}

/** A feed that is followed by another one when there is more room. */
export interface VersionedFeed extends PlaceFeed {
  readonly version: number;
  all(): PlaceRows;
}

/** So many of the best are found for certain, whatever n is below: so the sum is the same for any. */
export const FEWEST = 1024;
/** How many more are listed: of the best, some may not be shown (guess; what is listed costs the search 0.1 µs). */
const MARGIN = 256;
/** A list of more than this is none. */
export const LONGEST = 4096;
/** A top that is no whole number of 32 bits is none either. */
const HIGHEST = 2 ** 31;

/** A copy of the first look, on whatever thread. */
export class FirstLook {
  private readonly kernels = new Kernels();
  private readonly coarse: CoarseRows;
  private readonly k: number;
  private readonly capacity: number;
  private readonly counts: number;
  private readonly taken: number;
  private readonly list: number;
  private total = 0;
  private version = 0;

  constructor({ k, capacity }: PlaceRows) {
    this.k = k;
    this.capacity = capacity;
    this.coarse = new CoarseRows(this.kernels, capacity, k);
    this.counts = this.kernels.reserve(capacity * 4);
    this.taken = this.kernels.reserve(capacity);
    this.list = this.kernels.reserve(LONGEST * 4);
  }

  /** Whether the rows are of the same vectors as those that it has. */
  takes({ k, capacity, places, total }: PlaceRows): boolean {
    return k === this.k && capacity === this.capacity && places.length < total;
  }

  put({ version, total, places, units, scales, errors, counts }: PlaceRows): void {
    this.version = version;
    this.total = total;
    this.coarse.paste(places, { units, scales, errors });
    const allCounts = this.kernels.floats(this.counts, this.capacity);
    const taken = this.kernels.bytes(this.taken, this.capacity);
    places.forEach((place, i) => {
      allCounts[place] = counts[i]!;
      taken[place] = counts[i]! > 0 ? 1 : 0;
    });
  }

  /** undefined where the vectors are too few, or too much alike, or the user's is nothing. */
  shortlist(user: Float32Array): Shortlist | undefined {
    const { kernels, coarse, counts, total, version } = this;
    if (total < MANY || user.length !== this.k || !coarse.aim(user)) return undefined;
    const all = { from: 0, to: total };
    coarse.look(all);
    const top = Math.ceil(kernels.call.highestOf(coarse.scores, counts, total));
    const above = coarse.best([all], this.taken, FEWEST + MARGIN);
    if (above === undefined || above.count > LONGEST || !(Math.abs(top) < HIGHEST)) return undefined;
    kernels.call.scoresOfRows(coarse.scores, above.rows, above.count, this.list);
    return {
      version,
      top,
      sum: kernels.call.sumExp(coarse.scores, counts, total, top),
      floor: above.floor,
      places: kernels.ints(above.rows, above.count).slice(),
      scores: kernels.floats(this.list, above.count).slice(),
    };
  }
}

/** A sum that is below this share of the largest exponential is taken anew, by what is allowed: too little is left of it. */
export const LEAST = 2 ** -16;

/** Numbers of a head: version, top, number of places, floor, and two for the sum. */
const HEAD = 6;

/** A list as one array, for another thread or to be kept. */
export function packList({ version, top, sum, floor, places, scores }: Shortlist): Int32Array {
  const n = places.length;
  const packed = new Int32Array(HEAD + 2 * n);
  const floats = new Float32Array(packed.buffer);
  packed.set([version, top, n]);
  floats[3] = floor;
  new Float64Array(packed.buffer, 4 * 4, 1)[0] = sum;
  packed.set(places, HEAD);
  floats.set(scores, HEAD + n);
  return packed;
}

export function unpackList(packed: Int32Array): Shortlist {
  const [version, top, n] = packed as unknown as [number, number, number]; // as packList wrote it
  const at = packed.byteOffset;
  return {
    version,
    top,
    sum: new Float64Array(packed.buffer, at + 4 * 4, 1)[0]!,
    floor: new Float32Array(packed.buffer, at + 3 * 4, 1)[0]!,
    places: packed.subarray(HEAD, HEAD + n),
    scores: new Float32Array(packed.buffer, at + (HEAD + n) * 4, n),
  };
}
