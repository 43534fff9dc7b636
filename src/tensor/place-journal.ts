/**
 * Which vectors came and went lately: what a list says that was made of an older version is mended by these. A vector that
 * went is kept here as the first look saw it.
 */
import type { CoarseRows } from "./coarse-rows.ts";
import type { Kernels } from "./kernels.ts";
import type { PlaceRows, VersionedFeed } from "./shortlist.ts";

/** Rows that came or went and are remembered (guess: a look at them costs 10 µs at most). */
const REMEMBERED = 512;

/** What came and went since a version, in the kernels' memory. */
export interface Since {
  readonly count: number;
  /** (count) 1 of a row that came to its place, -1 of one that left it; an address. */
  readonly signs: number;
  /** (count) what the first look says of its vector, of the user who is aimed at; an address. */
  readonly scores: number;
  readonly places: ReadonlySet<number>;
}

export class PlaceJournal implements VersionedFeed {
  /** Places that can change since a version that it remembers. */
  readonly most = REMEMBERED;
  version: number;
  private readonly kernels: Kernels;
  private readonly coarse: CoarseRows;
  private readonly k: number;
  private readonly capacity: number;
  /** How many places there are, and how many rows each has. */
  private readonly total: () => number;
  private readonly countOf: (place: number) => number;
  private readonly first: number;
  private readonly changed = new Set<number>();
  /** (REMEMBERED) change v stands at v modulo the length. */
  private readonly places = new Int32Array(REMEMBERED);
  private readonly steps = new Float32Array(REMEMBERED);
  /** (REMEMBERED) as CoarseRows keeps them. */
  readonly units: number;
  readonly scales: number;
  private readonly list: number;
  private readonly signs: number;
  private readonly scores: number;

  constructor(
    parts: Pick<PlaceRows, "version" | "k" | "capacity"> & {
      readonly kernels: Kernels;
      readonly coarse: CoarseRows;
      readonly total: () => number;
      readonly countOf: (place: number) => number;
    },
  ) {
    const { kernels, coarse } = parts;
    this.version = parts.version;
    this.first = parts.version;
    this.k = parts.k;
    this.capacity = parts.capacity;
    this.kernels = kernels;
    this.coarse = coarse;
    this.total = parts.total;
    this.countOf = parts.countOf;
    this.units = kernels.reserve(REMEMBERED * coarse.width);
    this.scales = kernels.reserve(REMEMBERED * 4);
    this.list = kernels.reserve(REMEMBERED * 4);
    this.signs = kernels.reserve(REMEMBERED * 4);
    this.scores = kernels.reserve(REMEMBERED * 4);
  }

  /** A row has come to a place, or is about to leave it. */
  note(place: number, step: 1 | -1): void {
    const { kernels, coarse, changed } = this;
    const at = this.version++ % REMEMBERED;
    this.places[at] = place;
    this.steps[at] = step;
    const { units, scales } = coarse.copy(Int32Array.of(place));
    kernels.bytes(this.units + at * coarse.width, coarse.width).set(units);
    kernels.floats(this.scales + at * 4, 1).set(scales);
    changed.add(place);
  }

  /** undefined where that is too long ago to say. */
  since(version: number): Since | undefined {
    const { kernels, coarse, list, signs, scores } = this;
    const count = this.version - version;
    if (version < this.first || count < 0 || count > REMEMBERED) return undefined;
    const entries = kernels.ints(list, count);
    const steps = kernels.floats(signs, count);
    const places = new Set<number>();
    for (let i = 0; i < count; i++) {
      const at = (version + i) % REMEMBERED;
      entries[i] = at;
      steps[i] = this.steps[at]!;
      places.add(this.places[at]!);
    }
    if (count > 0) coarse.lookAt(list, count, scores, this);
    return { count, signs, scores, places };
  }

  all(): PlaceRows {
    return this.rowsOf(new Int32Array(this.total()).map((_, place) => place));
  }

  changes(): PlaceRows | undefined {
    const { changed } = this;
    if (changed.size === 0) return undefined;
    const places = Int32Array.from(changed);
    changed.clear();
    return this.rowsOf(places);
  }

  private rowsOf(places: Int32Array): PlaceRows {
    const { version, k, capacity, coarse } = this;
    const counts = Float32Array.from(places, (place) => this.countOf(place));
    return { version, k, capacity, total: this.total(), places, counts, ...coarse.copy(places) };
  }
}
