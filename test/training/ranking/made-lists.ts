/** Ranking lists from a few words, or of chance. */
import { type Catalog, createCatalog } from "../../../src/catalog/index.ts";
import { HOUR, type Random } from "../../../src/core/index.ts";
import type { Visits } from "../../../src/features/index.ts";
import { HEADS } from "../../../src/ranking/index.ts";
import { ListWriter, NEXT_ITEM, type RankingLists, SLATE } from "../../../src/training/ranking/lists.ts";
import { extend, itemOf, NOW, upsert } from "../../retrieval/checkerboard.ts";

export interface MadeVisit {
  readonly item: number;
  readonly time: number;
  readonly share?: number;
  readonly actions?: number;
  readonly here?: boolean;
}

/** One list: a row for each of `items`. */
export interface MadeList {
  readonly kind: number;
  readonly user?: number;
  readonly time?: number;
  readonly items: readonly number[];
  readonly request?: readonly number[];
  /** [row][feature] */
  readonly candidates?: readonly (readonly number[])[];
  readonly visits?: readonly MadeVisit[];
  readonly targets?: readonly number[];
  readonly offsets?: readonly number[];
  readonly positions?: readonly number[];
  /** [row][of HEADS] */
  readonly labels?: readonly (readonly number[])[];
  readonly weights?: readonly (readonly number[])[];
}

export function visitsFrom(made: readonly MadeVisit[]): Visits {
  return {
    items: Int32Array.from(made, ({ item }) => item),
    times: Float64Array.from(made, ({ time }) => time),
    shares: Float32Array.from(made, ({ share = Number.NaN }) => share),
    actions: Uint8Array.from(made, ({ actions = 0 }) => actions),
    types: new Uint16Array(made.length),
    here: Uint8Array.from(made, ({ here = false }) => Number(here)),
  };
}

export function listsOf(made: readonly MadeList[], requestWidth = 1, candidateWidth = 1): RankingLists {
  const writer = new ListWriter(requestWidth, candidateWidth);
  for (const list of made) {
    const { kind, items, user = 0, time = NOW, visits = [] } = list;
    const features = {
      request: Float32Array.from(list.request ?? new Array<number>(requestWidth).fill(0)),
      candidates: Float32Array.from(
        list.candidates?.flat() ?? new Array<number>(items.length * candidateWidth).fill(0),
      ),
    };
    const rows = Int32Array.from(items);
    writer.add({ kind, user, time, rows, features, visits: visitsFrom(visits) }, (target) => {
      target.targets.set(list.targets ?? []);
      target.samplingOffsets.set(list.offsets ?? []);
      target.positions.set(list.positions ?? []);
      target.labels.set(list.labels?.flat() ?? []);
      target.weights.set(list.weights?.flat() ?? []);
    });
  }
  return writer.finish(0);
}

/** Items 0 .. count: each of a creator and a category that it shares with every fifth and every third other. */
export function catalogOfItems(count: number): Catalog {
  const catalog = createCatalog();
  const facts = (row: number) => ({ creator: `c${row % 5}`, categories: [`k${row % 3}`], duration: 30 });
  const rows = Array.from({ length: count }, (_, row) => row);
  extend(
    catalog,
    rows.map((row) => upsert(itemOf(row), NOW - HOUR, facts(row))),
  );
  return catalog;
}

/** Lists of chance of one to nine of `items` items, with histories of none to sixty visits, in time order. */
function anyList(random: Random, items: number, at: number): MadeList {
  const size = 1 + random.int(9);
  const kind = random.pick([NEXT_ITEM, SLATE]);
  const time = NOW + at * 1000;
  const each = <T>(make: (row: number) => T): T[] => Array.from({ length: size }, (_, row) => make(row));
  return {
    kind,
    user: random.int(5),
    time,
    items: each(() => random.int(items)),
    request: [random.normal(), random.normal()],
    candidates: each(() => [random.normal(), random.normal(), random.normal()]),
    visits: Array.from({ length: random.pick([0, 1, 3, 60]) }, (_, v) => ({
      item: random.int(items),
      time: time - (v + 1) * 60_000,
      share: random.next() < 0.5 ? Number.NaN : random.next(),
      actions: random.int(2 ** HEADS.length),
    })),
    targets: each(() => random.int(2)),
    offsets: each(() => (kind === SLATE ? 0 : random.next())),
    positions: each((row) => (kind === SLATE ? row + 1 : 0)),
    labels: each(() => HEADS.map(() => random.int(2))),
    weights: each(() => HEADS.map(() => (kind === SLATE ? 1 : 0.1))),
  };
}

export function anyMade(random: Random, count: number, items = 20): MadeList[] {
  return Array.from({ length: count }, (_, at) => anyList(random, items, at));
}
