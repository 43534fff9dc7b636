/**
 * A matrix whose equal rows are kept once. Of the items of a platform many have the same vector, to the bit: those that
 * nobody took before training are what their categories and their creator are. A search looks at each vector once.
 *
 * A vector stands at a place, which knows its rows; rows come, and take other vectors, one by one.
 */
import type { Kernels } from "./kernels.ts";

/** In a row's or a place's list: there is none. */
const NONE = -1;

/** What stands in the kernels' memory, each (capacity). */
interface Views {
  /** (capacity, k) */
  readonly bits: Int32Array;
  readonly placeOf: Int32Array;
  readonly first: Int32Array;
  readonly next: Int32Array;
  readonly before: Int32Array;
  readonly counts: Float32Array;
  readonly taken: Uint8Array;
}

/** Is told what becomes of places. */
export interface PlaceWatch {
  /** A place has another vector than before. */
  placed(place: number): void;
  /** A row has come to a place. */
  joined(place: number): void;
  /** A row is about to leave a place. */
  leaving(place: number): void;
}

export class DistinctRows {
  /** Rows 0 .. rows - 1 have a place. */
  rows = 0;
  /** Places that were ever taken; one may have lost its rows. */
  places = 0;
  /** (capacity, k) vectors by place; this and the following are addresses. */
  readonly matrix: number;
  /** (capacity) the place of each row, u32 */
  readonly placeOf: number;
  /** (capacity) the only row of each place, or ~ the first one of several; i32 */
  readonly first: number;
  /** (capacity) behind each row the next one of its place, i32 */
  readonly next: number;
  /** (capacity) of each place: allowed rows, f32, and whether there is one. As `allow` left them. */
  readonly live: number;
  readonly flags: number;
  private readonly kernels: Kernels;
  private readonly capacity: number;
  private readonly k: number;
  /** (capacity) the row before each row of its place */
  private readonly before: number;
  /** (capacity) of each place: all its rows, f32, and whether there is one. */
  readonly counts: number;
  private readonly taken: number;
  /** Places by the hashes of their vectors, one more each; a place that took another vector may stand there twice. */
  private readonly table: Int32Array;
  private filled = 0;
  private readonly hashes: Int32Array;
  /** Places without rows. */
  private readonly free: number[] = [];
  private readonly vector: Float32Array;
  private readonly bits: Int32Array;
  private seen: Views;

  constructor(kernels: Kernels, capacity: number, k: number) {
    this.kernels = kernels;
    this.capacity = capacity;
    this.k = k;
    this.matrix = kernels.reserve(capacity * k * 4);
    this.placeOf = kernels.reserve(capacity * 4);
    this.first = kernels.reserve(capacity * 4);
    this.next = kernels.reserve(capacity * 4);
    this.before = kernels.reserve(capacity * 4);
    this.counts = kernels.reserve(capacity * 4);
    this.live = kernels.reserve(capacity * 4);
    this.taken = kernels.reserve(capacity);
    this.flags = kernels.reserve(capacity);
    this.table = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(8, capacity))));
    this.hashes = new Int32Array(capacity);
    this.vector = new Float32Array(k);
    this.bits = new Int32Array(this.vector.buffer);
    this.seen = this.look();
  }

  /** The vector of a row, valid until memory is reserved or a row is set. */
  of(row: number): Float32Array {
    const place = this.views.placeOf[row]!;
    return this.kernels.floats(this.matrix + place * this.k * 4, this.k);
  }

  /** Gives row `row` < capacity a vector; rows below that were never set get zeros. */
  set(row: number, vector: Float32Array, watch: PlaceWatch): void {
    if (this.rows < row) {
      this.vector.fill(0);
      while (this.rows < row) this.join(this.rows++, watch);
    }
    this.vector.set(vector);
    if (row === this.rows) this.rows++;
    else if (this.holds(this.views.placeOf[row]!)) return;
    else this.leave(row, watch);
    this.join(row, watch);
  }

  /** How many rows a place has. */
  countOf(place: number): number {
    return this.views.counts[place]!;
  }

  /** Counts the rows of each place that a mask allows. @param allowed address of flags by row */
  allow(allowed: number): void {
    const { counts, taken, places, placeOf, rows, live, flags } = this;
    this.kernels.call.allowPlaces(counts, taken, places, placeOf, allowed, rows, live, flags);
  }

  /** Views are lost where the memory grows. */
  private get views(): Views {
    if (this.seen.taken.length === 0) this.seen = this.look();
    return this.seen;
  }

  private look(): Views {
    const { kernels, capacity, k } = this;
    return {
      bits: kernels.ints(this.matrix, capacity * k),
      placeOf: kernels.ints(this.placeOf, capacity),
      first: kernels.ints(this.first, capacity),
      next: kernels.ints(this.next, capacity),
      before: kernels.ints(this.before, capacity),
      counts: kernels.floats(this.counts, capacity),
      taken: kernels.bytes(this.taken, capacity),
    };
  }

  /** Puts a row that has no place to the one of `vector`. */
  private join(row: number, watch: PlaceWatch): void {
    const { first, counts, placeOf, next, before, taken } = this.views;
    const hash = this.hash();
    let place = this.find(hash);
    if (place === undefined) {
      place = this.vacant();
      this.views.bits.set(this.bits, place * this.k);
      this.hashes[place] = hash;
      this.note(place);
      watch.placed(place);
    }
    const after = counts[place] === 0 ? NONE : firstOf(first[place]!);
    placeOf[row] = place;
    next[row] = after;
    before[row] = NONE;
    if (after !== NONE) before[after] = row;
    first[place] = after === NONE ? row : ~row;
    counts[place] = counts[place]! + 1;
    taken[place] = 1;
    watch.joined(place);
  }

  private leave(row: number, watch: PlaceWatch): void {
    const { placeOf, next, before, counts, first, taken } = this.views;
    const place = placeOf[row]!;
    watch.leaving(place);
    const ahead = before[row]!;
    const after = next[row]!;
    if (ahead !== NONE) next[ahead] = after;
    if (after !== NONE) before[after] = ahead;
    const head = ahead === NONE ? after : firstOf(first[place]!);
    counts[place] = counts[place]! - 1;
    first[place] = counts[place] === 1 ? head : ~head;
    if (counts[place] > 0) return;
    taken[place] = 0;
    this.free.push(place);
  }

  /** A place without rows. */
  private vacant(): number {
    return this.free.pop() ?? this.places++;
  }

  /** Whether the vector at a place is `vector`, to the bit. */
  private holds(place: number): boolean {
    const { bits, k } = this;
    const { bits: all } = this.views;
    const from = place * k;
    for (let d = 0; d < k; d++) if (all[from + d] !== bits[d]) return false;
    return true;
  }

  /** The place of `vector` that has rows. */
  private find(hash: number): number | undefined {
    const { table, hashes } = this;
    const { taken } = this.views;
    for (let slot = hash & (table.length - 1); table[slot] !== 0; slot = (slot + 1) & (table.length - 1)) {
      const place = table[slot]! - 1;
      if (hashes[place] === hash && taken[place] === 1 && this.holds(place)) return place;
    }
    return undefined;
  }

  /** Writes a place into the table; where that is full, without the places that stand there for nothing. */
  private note(place: number): void {
    const { table } = this;
    if (4 * this.filled >= 3 * table.length) {
      table.fill(0);
      this.filled = 0;
      const { taken } = this.views;
      for (let other = 0; other < this.places; other++) if (taken[other] === 1) this.enter(other);
    }
    this.enter(place);
  }

  private enter(place: number): void {
    const { table } = this;
    let slot = this.hashes[place]! & (table.length - 1);
    while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1);
    table[slot] = place + 1;
    this.filled++;
  }

  /** Of `vector`. */
  private hash(): number {
    const { bits, k } = this;
    let hash = 0;
    for (let d = 0; d < k; d++) {
      hash = Math.imul(hash ^ bits[d]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}

/** @param first as `DistinctRows.first` has it */
function firstOf(first: number): number {
  return first < 0 ? ~first : first;
}
