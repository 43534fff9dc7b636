/**
 * The search by a shortlist. What the list says of all vectors, as they were when it was made, is mended by what came and
 * went since, and by what is not allowed; then the exact scores of what is listed tell whether anything else can be among
 * the best. Rows, scores and the sum are those of a look at everything, to the bit.
 */
import type { CoarseRows } from "./coarse-rows.ts";
import type { DistinctRows } from "./distinct-rows.ts";
import type { FoundRows, SoftmaxTop } from "./found-rows.ts";
import type { Kernels } from "./kernels.ts";
import { PlaceJournal } from "./place-journal.ts";
import { FEWEST, LEAST, LONGEST, type Shortlist, type VersionedFeed } from "./shortlist.ts";

/** Rows that are not allowed: with more of them a look at everything is no more work (guess). */
const MOST_LEFT_OUT = 8192;

interface ListedParts {
  readonly kernels: Kernels;
  readonly distinct: DistinctRows;
  readonly coarse: CoarseRows;
  readonly found: FoundRows;
  /** Addresses of the user (k), and of flags by row. */
  readonly userAt: number;
  readonly allowedAt: number;
  readonly k: number;
  readonly capacity: number;
  readonly version: number;
}

export class ListedRows implements VersionedFeed {
  private readonly parts: ListedParts;
  private readonly journal: PlaceJournal;
  private readonly room: number;
  private readonly list: number;
  private readonly looked: number;
  private readonly exact: number;
  private readonly ones: number;

  constructor(parts: ListedParts) {
    const { kernels, distinct } = parts;
    this.parts = parts;
    this.journal = new PlaceJournal({
      ...parts,
      total: () => distinct.places,
      countOf: (place) => distinct.countOf(place),
    });
    this.room = Math.max(MOST_LEFT_OUT + 1, LONGEST + this.journal.most);
    this.list = kernels.reserve(this.room * 4);
    this.looked = kernels.reserve(this.room * 4);
    this.exact = kernels.reserve(this.room * 4);
    this.ones = kernels.reserve(this.room * 4);
    kernels.floats(this.ones, this.room).fill(1);
  }

  get version(): number {
    return this.journal.version;
  }

  note(place: number, step: 1 | -1): void {
    this.journal.note(place, step);
  }

  all() {
    return this.journal.all();
  }

  changes() {
    return this.journal.changes();
  }

  /** The best FEWEST; undefined where the list is too old, or too little of it is allowed. */
  top(user: Float32Array, made: Shortlist): SoftmaxTop | undefined {
    const { kernels, coarse, found, userAt, distinct, k } = this.parts;
    if (!coarse.aim(user)) return undefined;
    const changed = this.changedSince(made);
    if (changed === undefined) return undefined;
    const leftOut = this.leftOut(made.top);
    if (leftOut === undefined) return undefined;
    const sum = made.sum + changed.sum - leftOut;
    if (sum < LEAST) return undefined;
    const count = this.write(made, changed.places);
    kernels.call.dotRows(distinct.matrix, k * 4, this.list, count, userAt, this.exact);
    found.of(this.list, this.exact, this.looked, count);
    const best = found.best(FEWEST);
    const last = best.scores[FEWEST - 1];
    if (last === undefined || last < made.floor) return undefined;
    return { ...best, logSum: found.logSum(best, sum, made.top) };
  }

  /** Which places changed, and by how much the sum over all rows; undefined where that cannot be said by the list. */
  private changedSince({
    version,
    top,
  }: Shortlist): { places: ReadonlySet<number>; sum: number } | undefined {
    const { kernels } = this.parts;
    const since = this.journal.since(version);
    if (since === undefined) return undefined;
    const { count, signs, scores, places } = since;
    if (count === 0) return { places, sum: 0 };
    // What the sum is relative to would be another number now, or might be.
    const steps = kernels.floats(signs, count);
    const looks = kernels.floats(scores, count);
    for (let i = 0; i < count; i++) {
      const whole = Math.ceil(looks[i]!);
      if (whole > top || (steps[i]! < 0 && whole === top)) return undefined;
    }
    return { places, sum: kernels.call.sumExp(scores, signs, count, top) };
  }

  /** Σ exp over the rows that are not allowed; undefined where these are too many. */
  private leftOut(top: number): number | undefined {
    const { kernels, coarse, distinct, allowedAt } = this.parts;
    const { call } = kernels;
    const count = call.rowsWithout(allowedAt, distinct.rows, MOST_LEFT_OUT, this.exact);
    if (count > MOST_LEFT_OUT) return undefined;
    call.scoresOfRows(distinct.placeOf, this.exact, count, this.list);
    coarse.lookAt(this.list, count, this.looked);
    return call.sumExp(this.looked, this.ones, count, top);
  }

  /** Puts the listed places that have not changed into the kernels' memory, and all that have; how many they are. */
  private write({ places, scores }: Shortlist, changed: ReadonlySet<number>): number {
    const { kernels, coarse, distinct } = this.parts;
    const list = kernels.ints(this.list, this.room);
    const looked = kernels.floats(this.looked, this.room);
    if (changed.size === 0) {
      list.set(places);
      looked.set(scores);
      return places.length;
    }
    let count = 0;
    for (let i = 0; i < places.length; i++) {
      if (changed.has(places[i]!)) continue;
      list[count] = places[i]!;
      looked[count++] = scores[i]!;
    }
    const more = count;
    for (const place of changed) if (distinct.countOf(place) > 0) list[count++] = place;
    coarse.lookAt(this.list + more * 4, count - more, this.looked + more * 4);
    return count;
  }
}
