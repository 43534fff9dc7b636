/** Sequences of rows, cut into sessions: those that share rows, and what stands around (assembly/sessions.ts). */
import { Kernels } from "./kernels.ts";
import { RowSums } from "./row-sums.ts";

export interface SessionLists {
  /** (U + 1) sequence u is entries offsets[u] .. offsets[u + 1] of `items`. */
  readonly offsets: Int32Array;
  /** (E) rows. */
  readonly items: Int32Array;
  /** (items + 1) row a stands at places[starts[a] .. starts[a + 1]]. */
  readonly starts: Int32Array;
  /** (P) */
  readonly places: Int32Array;
  /** (P) the session of each of `places`. */
  readonly sessions: Int32Array;
  /** (reach + 1) weight of a place by its distance from the anchor. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  /** (items) what a row's sum is multiplied with. */
  readonly factors: Float32Array;
  /** The distance from the anchor at which a shared row counts half. */
  readonly near: number;
}

/** Bytes of what says where a row's places are and what it weighs. */
const LIST = 16;
const LAST = 1 << 31;

export class SessionSums {
  /** Of the rows around the anchors: the weighted sum of the votes; how often it stands there; the vote of the first. */
  readonly sums: RowSums;
  private readonly kernels = new Kernels();
  /** Of the sessions: Σ weight / (1 + distance / near); the anchor. */
  private readonly shared: RowSums;
  private readonly starts: Int32Array;
  private readonly near: number;
  private readonly reach: number;
  /** Addresses. */
  private readonly items: number;
  private readonly places: number;
  private readonly before: number;
  private readonly after: number;
  private readonly factors: number;
  private lists = 0;
  private listRoom = 0;
  private anchors = 0;
  private votes = 0;
  private spans = 0;
  private anchorRoom = 0;

  constructor({ offsets, items, starts, places, sessions, before, after, factors, near }: SessionLists) {
    const { kernels } = this;
    this.starts = starts;
    this.near = near;
    this.reach = before.length - 1;
    this.items = kernels.put(items);
    const marked = kernels.ints(this.items, items.length);
    for (let u = 0; u + 1 < offsets.length; u++) {
      const end = offsets[u + 1]!;
      if (end > offsets[u]!) marked[end - 1] = items[end - 1]! | LAST;
    }
    this.places = kernels.reserve(8 * places.length);
    const pairs = kernels.ints(this.places, 2 * places.length);
    for (let p = 0; p < places.length; p++) {
      pairs[2 * p] = places[p]!;
      pairs[2 * p + 1] = sessions[p]!;
    }
    this.before = kernels.put(before);
    this.after = kernels.put(after);
    this.factors = kernels.put(factors);
    this.sums = new RowSums(kernels);
    this.shared = new RowSums(kernels);
  }

  /**
   * The k sessions that share most with these rows, each with the place of the one that it has first, its anchor.
   *
   * @param rows (n) newest first, each with places
   * @param weights (n)
   */
  nearest(
    rows: readonly number[],
    weights: readonly number[],
    k: number,
  ): { anchors: Int32Array; similarities: Float32Array } {
    const { kernels, starts, shared } = this;
    const count = rows.length;
    if (count > this.listRoom) {
      this.listRoom = 2 * count;
      this.lists = kernels.reserve(LIST * this.listRoom);
    }
    const bounds = kernels.ints(this.lists, (LIST / 4) * count);
    const doubles = kernels.doubles(this.lists, (LIST / 8) * count);
    let most = 0;
    for (let l = 0; l < count; l++) {
      bounds[4 * l] = starts[rows[l]!]!;
      bounds[4 * l + 1] = starts[rows[l]! + 1]!;
      doubles[2 * l + 1] = weights[l]!;
      most += starts[rows[l]! + 1]! - starts[rows[l]!]!;
    }
    shared.clear(most);
    shared.fill((slots, shift, records) =>
      kernels.call.addPlaces(this.places, this.lists, count, this.near, slots, shift, records),
    );
    const best = shared.best(k);
    const anchors = new Float32Array(best.rows.length);
    shared.read(best.rows, [best.scores, anchors]);
    // As bits: the numbers of a record are copied and not looked at.
    return { anchors: new Int32Array(anchors.buffer), similarities: best.scores };
  }

  /** Sums what stands around anchors (n), for votes (n), in this order. */
  around(anchors: Int32Array, votes: Float32Array): void {
    const { kernels, sums, items, before, after, factors, reach } = this;
    const n = anchors.length;
    if (n > this.anchorRoom) {
      this.anchorRoom = 2 * n;
      this.anchors = kernels.reserve(4 * this.anchorRoom);
      this.votes = kernels.reserve(4 * this.anchorRoom);
      this.spans = kernels.reserve(8 * this.anchorRoom);
    }
    kernels.ints(this.anchors, n).set(anchors);
    kernels.floats(this.votes, n).set(votes);
    sums.clear(kernels.call.spansAround(items, this.anchors, n, reach, this.spans));
    sums.fill((slots, shift, records) =>
      kernels.call.addAround(
        ...[items, this.anchors, this.votes, n, this.spans, before, after, factors, slots, shift, records],
      ),
    );
  }
}
