/**
 * What rankers learn from and are measured on: lists of candidates, each with the request's features, the user's visits
 * and what followed. All as columns; row r belongs to list l where offsets[l] <= r < offsets[l + 1].
 */
import { type Features, MAX_VISITS, type Visits } from "../../features/index.ts";
import { HEADS } from "../../ranking/index.ts";

/** A next item that retrieval found, or a slate that was shown. */
export const NEXT_ITEM = 0;
export const SLATE = 1;

export interface RankingLists {
  /** L */
  readonly count: number;
  /** (L + 1) */
  readonly offsets: Int32Array;
  /** (L) NEXT_ITEM or SLATE */
  readonly kinds: Uint8Array;
  /** (L) rows of the history's users */
  readonly users: Int32Array;
  /** (L) EpochMs, ascending */
  readonly times: Float64Array;
  readonly requestWidth: number;
  /** (L, Fr) */
  readonly request: Float32Array;
  readonly candidateWidth: number;
  /** (R, Fc) */
  readonly candidates: Float32Array;
  /** (R) catalog rows */
  readonly items: Int32Array;
  /** (R) 1 where the first head's action followed */
  readonly targets: Float32Array;
  /** (R) log of how many candidates a sampled one stands for */
  readonly samplingOffsets: Float32Array;
  /** (R) place in the slate from 0 on, at most POSITIONS - 1; 0 for what was not shown */
  readonly positions: Uint8Array;
  /** (R, HEADS.length) 0 or 1, and what each counts */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** (L + 1) */
  readonly visitOffsets: Int32Array;
  /** Newest first within a list. */
  readonly visits: Pick<Visits, "items" | "times" | "shares" | "actions" | "here">;
  /** Next items whose target retrieval did not find, and which are therefore not here. */
  readonly missed: number;
}

/** Rows of one list as they are labelled: views whose row 0 is the list's first. */
export interface ListTarget {
  readonly targets: Float32Array;
  readonly samplingOffsets: Float32Array;
  readonly positions: Uint8Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
}

/** Columns grow with what is added. */
export class ListWriter {
  private readonly requestWidth: number;
  private readonly candidateWidth: number;
  private readonly kinds = new Growing(Uint8Array);
  private readonly users = new Growing(Int32Array);
  private readonly times = new Growing(Float64Array);
  private readonly offsets = new Growing(Int32Array);
  private readonly request = new Growing(Float32Array);
  private readonly candidates = new Growing(Float32Array);
  private readonly items = new Growing(Int32Array);
  private readonly targets = new Growing(Float32Array);
  private readonly samplingOffsets = new Growing(Float32Array);
  private readonly positions = new Growing(Uint8Array);
  private readonly labels = new Growing(Float32Array);
  private readonly weights = new Growing(Float32Array);
  private readonly visitOffsets = new Growing(Int32Array);
  private readonly visitItems = new Growing(Int32Array);
  private readonly visitTimes = new Growing(Float64Array);
  private readonly visitShares = new Growing(Float32Array);
  private readonly visitActions = new Growing(Uint8Array);
  private readonly visitHere = new Growing(Uint8Array);

  constructor(requestWidth: number, candidateWidth: number) {
    this.requestWidth = requestWidth;
    this.candidateWidth = candidateWidth;
  }

  add(
    list: {
      readonly kind: number;
      readonly user: number;
      readonly time: number;
      readonly rows: Int32Array;
      readonly features: Features;
      readonly visits: Visits;
    },
    label: (target: ListTarget) => void,
  ): void {
    const { rows, features, visits } = list;
    const n = rows.length;
    this.offsets.push(this.items.length);
    this.visitOffsets.push(this.visitItems.length);
    this.kinds.push(list.kind);
    this.users.push(list.user);
    this.times.push(list.time);
    this.request.append(features.request);
    this.candidates.append(features.candidates);
    this.items.append(rows);
    this.visitItems.append(visits.items.subarray(0, MAX_VISITS));
    this.visitTimes.append(visits.times.subarray(0, MAX_VISITS));
    this.visitShares.append(visits.shares.subarray(0, MAX_VISITS));
    this.visitActions.append(visits.actions.subarray(0, MAX_VISITS));
    this.visitHere.append(visits.here.subarray(0, MAX_VISITS));
    label({
      targets: this.targets.extend(n),
      samplingOffsets: this.samplingOffsets.extend(n),
      positions: this.positions.extend(n),
      labels: this.labels.extend(n * HEADS.length),
      weights: this.weights.extend(n * HEADS.length),
    });
  }

  finish(missed: number): RankingLists {
    const count = this.kinds.length;
    this.offsets.push(this.items.length);
    this.visitOffsets.push(this.visitItems.length);
    return {
      count,
      offsets: this.offsets.take(),
      kinds: this.kinds.take(),
      users: this.users.take(),
      times: this.times.take(),
      requestWidth: this.requestWidth,
      request: this.request.take(),
      candidateWidth: this.candidateWidth,
      candidates: this.candidates.take(),
      items: this.items.take(),
      targets: this.targets.take(),
      samplingOffsets: this.samplingOffsets.take(),
      positions: this.positions.take(),
      labels: this.labels.take(),
      weights: this.weights.take(),
      visitOffsets: this.visitOffsets.take(),
      visits: {
        items: this.visitItems.take(),
        times: this.visitTimes.take(),
        shares: this.visitShares.take(),
        actions: this.visitActions.take(),
        here: this.visitHere.take(),
      },
      missed,
    };
  }
}

type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A typed array that is added to at its end. */
class Growing<T extends Numbers> {
  length = 0;
  private data: T;
  private readonly make: new (
    length: number,
  ) => T;

  constructor(make: new (length: number) => T) {
    this.make = make;
    this.data = new make(1024);
  }

  push(value: number): void {
    this.extend(1)[0] = value;
  }

  append(values: ArrayLike<number>): void {
    this.extend(values.length).set(values);
  }

  /** A view of `count` more entries, all 0; valid until the next call. */
  extend(count: number): T {
    const end = this.length + count;
    if (end > this.data.length) {
      const wider = new this.make(Math.max(end, 2 * this.data.length));
      wider.set(this.data);
      this.data = wider;
    }
    const view = this.data.subarray(this.length, end) as T;
    this.length = end;
    return view;
  }

  take(): T {
    return this.data.subarray(0, this.length) as T;
  }
}

/** Indices of the lists that `wanted` takes. */
export function listsWhere(lists: RankingLists, wanted: (list: number) => boolean): Int32Array {
  return Int32Array.from({ length: lists.count }, (_, list) => list).filter(wanted);
}
