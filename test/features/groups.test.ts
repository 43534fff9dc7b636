/** A known answer for every feature group, on cases made by hand. */
import { describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import {
  DAY,
  type EpochMs,
  type EventId,
  HOUR,
  MINUTE,
  type RequestId,
  type UserId,
} from "../../src/core/index.ts";
import {
  ACTIONS,
  type Event,
  type InteractionType,
  type ItemFacts,
  interactionCode,
} from "../../src/events/index.ts";
import {
  FEATURE_GROUPS,
  type FeatureSchema,
  featureSet,
  sourceSchema,
  visitsOf,
} from "../../src/features/index.ts";
import type { Candidates, Query } from "../../src/retrieval/index.ts";
import { click, extend, itemOf, NOW, queryOver, upsert } from "../retrieval/checkerboard.ts";

/** Candidates that no source found. */
function candidates(rows: readonly number[], found: Partial<Candidates> = {}): Candidates {
  return {
    rows: Int32Array.from(rows),
    fused: new Float32Array(rows.length),
    sourceNames: [],
    ranks: [],
    scores: [],
    bestScores: new Float32Array(0),
    signalNames: [],
    signals: [],
    ...found,
  };
}

/** The columns of one group by name, each with a value for every candidate. */
function columnsOf(
  name: string,
  context: { readonly query: Query; readonly catalog: Catalog; readonly candidates: Candidates },
  schema: Partial<FeatureSchema> = {},
): Record<string, readonly number[]> {
  const group = FEATURE_GROUPS.find((one) => one.name === name)!;
  const { sourceNames, signalNames } = context.candidates;
  const set = featureSet({ ...sourceSchema([]), sources: sourceNames, signals: signalNames, ...schema }, [
    group,
  ]);
  const { request, candidates } = set.compute({
    ...context,
    visits: visitsOf(context.query.history, context.catalog),
  });
  const names = set.features.map((feature) => feature.name.slice(name.length + 1));
  const rows = group.per === "request" ? [0] : Array.from(context.candidates.rows, (_, i) => i);
  const matrix = group.per === "request" ? request : candidates;
  return Object.fromEntries(
    names.map((column, f) => [column, rows.map((i) => matrix[i * names.length + f]!)]),
  );
}

/** Equal in 32 bits, give or take the last ones. */
function expectColumns(
  columns: Readonly<Record<string, readonly number[]>>,
  wanted: Readonly<Record<string, readonly number[]>>,
): void {
  expect(Object.keys(columns)).toEqual(Object.keys(wanted));
  for (const [name, values] of Object.entries(wanted)) {
    values.forEach((value, i) => {
      expect(Math.abs(columns[name]![i]! - value), `${name} of candidate ${i}`).toBeLessThan(
        1e-6 * (1 + Math.abs(value)),
      );
    });
  }
}

/** Row r is the r-th of these items, known from `time` on. */
function catalogOf(facts: readonly ItemFacts[], time: number, events: readonly Event[] = []): Catalog {
  const catalog = createCatalog();
  extend(
    catalog,
    facts.map((own, row) => ({ ...upsert(itemOf(row), time), facts: own }) as Event),
  );
  extend(catalog, events);
  return catalog;
}

describe("provenance", () => {
  it("tells who found a candidate, how high, and what every source thinks of it", () => {
    const { log, log2 } = Math;
    const columns = columnsOf("provenance", {
      query: queryOver([]),
      catalog: createCatalog(),
      candidates: candidates([5, 3, 9], {
        fused: Float32Array.of(0.03, 0.02, 0.01),
        sourceNames: ["near", "late"],
        ranks: [Int32Array.of(0, 2, -1), Int32Array.of(-1, -1, -1)],
        scores: [Float32Array.of(8, 2, 0), new Float32Array(3)],
        bestScores: Float32Array.of(8, 0),
        signalNames: ["near", "near-newest", "late"],
        signals: [Float32Array.of(8, 2, 0), Float32Array.of(1, 0, 0), Float32Array.of(0, 0, 0)],
      }),
    });
    expectColumns(columns, {
      fused: [0.03, 0.02, 0.01],
      "found-by": [1, 1, 0],
      "near.reciprocal-rank": [1, 1 / 3, 0],
      "near.log-rank": [1, 2, log2(2002)],
      "near.relative-score": [1, 0.25, 0],
      "late.reciprocal-rank": [0, 0, 0],
      "late.log-rank": [log2(2002), log2(2002), log2(2002)],
      "late.relative-score": [0, 0, 0],
      "near.value": [8, 2, 0],
      "near.log": [log(8.0001), log(2.0001), log(0.0001)],
      "near-newest.value": [1, 0, 0],
      "near-newest.log": [log(1.0001), log(0.0001), log(0.0001)],
      "late.value": [0, 0, 0],
      "late.log": [log(0.0001), log(0.0001), log(0.0001)],
    });
  });

  it("keeps what a source thinks of a candidate within -1 and 2 of its best", () => {
    const columns = columnsOf("provenance", {
      query: queryOver([]),
      catalog: createCatalog(),
      candidates: candidates([0, 1], {
        sourceNames: ["near"],
        ranks: [Int32Array.of(-1, -1)],
        scores: [new Float32Array(2)],
        bestScores: Float32Array.of(0.5),
        signalNames: ["near"],
        signals: [Float32Array.of(-70, 70)],
      }),
    });
    expect(columns["near.relative-score"]).toEqual([-1, 2]);
    expect(columns["near.log"]![0]).toBeCloseTo(Math.log(0.0001), 5);
  });
});

describe("item", () => {
  it("tells how much an item is taken, lately and ever, how old it is, and how it is received", () => {
    const { log, log1p } = Math;
    const show = (row: number, n: number): Event => ({
      kind: "impression",
      id: `s${row}/${n}` as EventId,
      user: "u" as UserId,
      request: `r${row}/${n}` as RequestId,
      slots: [{ item: itemOf(row), position: 0 }],
      time: NOW,
    });
    // Item 0: two engagements, a week ago; shown twice, hidden once. Item 1: nothing but its facts.
    const weekAgo = NOW - 7 * DAY;
    const catalog = catalogOf(
      [{ publishedAt: (NOW - 30 * DAY) as EpochMs }, { duration: 99 }],
      NOW - 9 * DAY,
      [
        click(itemOf(0), "a", weekAgo),
        click(itemOf(0), "b", weekAgo),
        { ...click(itemOf(0), "c", weekAgo), type: "hide" } as Event,
        show(0, 1),
        show(0, 2),
      ],
    );
    const week = [2 * 2 ** -7, 2 * 2 ** -1, 2 * 2 ** (-7 / 30)] as const;
    const columns = columnsOf("item", { query: queryOver([]), catalog, candidates: candidates([0, 1]) });
    expectColumns(columns, {
      // Two engagements, and one imagined for the item that was taken and for one more: three of four, and one of four.
      "log-share": [log(3 / 2), log(1 / 2)],
      "log-decayed-1d": [log(week[0] + 0.1), log(0.1)],
      "log-decayed-7d": [log(week[1] + 0.1), log(0.1)],
      "log-decayed-30d": [log(week[2] + 0.1), log(0.1)],
      trend: [log((week[1] + 0.5) / (week[2] + 0.5)), 0],
      "log-age-days": [log1p(30), log1p(9)],
      "log-hours-since-engagement": [log1p(7 * 24), log1p(10_000 * 24)],
      "veto-rate": [1 / (2 + 1 + 20), 0],
      "log-duration": [0, log1p(99)],
    });
  });

  it("takes what is in the future as of now", () => {
    const catalog = catalogOf([{ publishedAt: (NOW + 9 * DAY) as EpochMs }], NOW, [
      click(itemOf(0), "a", NOW + DAY),
    ]);
    const columns = columnsOf("item", { query: queryOver([]), catalog, candidates: candidates([0]) });
    expect(columns).toMatchObject({ "log-age-days": [0], "log-hours-since-engagement": [0] });
    expect(columns["log-decayed-1d"]![0]).toBeCloseTo(Math.log(1.1), 6);
  });
});

describe("affinity", () => {
  const facts: readonly ItemFacts[] = [
    { creator: "ann", categories: ["red", "blue"], duration: 60 },
    { creator: "bob", categories: ["blue"] },
    { creator: "ann", categories: ["blue"], duration: 600 },
    { creator: "bob", categories: ["red", "green"], duration: 60 },
    {},
  ];
  const catalog = catalogOf(facts, NOW, [click(itemOf(2), "a", NOW), click(itemOf(2), "b", NOW)]);

  it("compares a candidate with the user's touches, the newer of which count more", () => {
    // Item 1 last, item 0 before it: shares of 1 and 0.95 of 1.95.
    const [newest, older] = [1 / 1.95, 0.95 / 1.95];
    const columns = columnsOf("affinity", {
      query: queryOver([1, 0]),
      catalog,
      candidates: candidates([2, 3, 4, 0]),
    });
    expectColumns(columns, {
      "creator-share": [older, newest, 0, older],
      "creator-newest": [0, 1, 0, 0],
      // Red was touched once, blue twice, green never.
      "category-share": [1, older / 2, 0, (1 + older) / 2],
      "category-best": [1, older, 0, 1],
      "category-newest": [1, 0, 0, 0.5],
      // The one touch whose length is known took 60 seconds.
      "duration-difference": [Math.log(601 / 61), 0, 0, 0],
      "popularity-difference": [Math.log(3), 0, 0, 0],
      "touched-before": [0, 0, 0, 1],
    });
  });

  it("weighs touches by their evidence", () => {
    const query = { ...queryOver([1, 0]), weights: Float32Array.of(1, 3) };
    const columns = columnsOf("affinity", { query, catalog, candidates: candidates([2, 3]) });
    expect(columns["creator-share"]![0]).toBeCloseTo(2.85 / 3.85, 6);
    expect(columns["creator-share"]![1]).toBeCloseTo(1 / 3.85, 6);
  });

  it("leaves a length that 32 bits do not hold out of the mean", () => {
    const long = catalogOf([{ duration: 60 }, { duration: 1e300 }, { duration: 600 }], NOW);
    const columns = columnsOf("affinity", {
      query: queryOver([1, 0]),
      catalog: long,
      candidates: candidates([2, 1]),
    });
    expect(columns["duration-difference"]![0]).toBeCloseTo(Math.log(601 / 61), 6);
    expect(columns["duration-difference"]![1]).toBe(0);
  });

  it("is 0 throughout for a user without touches", () => {
    const columns = columnsOf("affinity", { query: queryOver([]), catalog, candidates: candidates([0, 4]) });
    for (const values of Object.values(columns)) expect(values).toEqual([0, 0]);
  });

  it("does not take two unknown creators for one", () => {
    const columns = columnsOf("affinity", { query: queryOver([4]), catalog, candidates: candidates([4]) });
    expect(columns).toMatchObject({ "creator-share": [0], "creator-newest": [0], "touched-before": [1] });
  });
});

describe("context", () => {
  it("tells how much is known of the user, how long ago, and the hour", () => {
    // Six o'clock UTC: a quarter of the way round.
    const six = (Math.floor(NOW / DAY) * DAY + 6 * HOUR) as EpochMs;
    const query = { ...queryOver([1, 0, 2], { now: six }), times: Float64Array.of(six - 5 * MINUTE, 0, 0) };
    const columns = columnsOf("context", { query, catalog: createCatalog(), candidates: candidates([3, 4]) });
    expectColumns(columns, {
      "log-touches": [Math.log(4)],
      "log-minutes-since-touch": [Math.log(6)],
      "hour-sin": [1],
      "hour-cos": [0],
      "half-day-sin": [0],
      "half-day-cos": [-1],
      weekend: [new Date(six).getUTCDay() % 6 === 0 ? 1 : 0],
    });
  });

  it("takes a user without touches as one who was away for a year, and a touch from the future as one from now", () => {
    const context = { catalog: createCatalog(), candidates: candidates([3]) };
    const nobody = columnsOf("context", { ...context, query: queryOver([]) });
    expect(nobody["log-touches"]).toEqual([0]);
    expect(nobody["log-minutes-since-touch"]![0]).toBeCloseTo(Math.log1p(365 * 24 * 60), 5);
    const early = { ...queryOver([1]), times: Float64Array.of(NOW + DAY) };
    expect(columnsOf("context", { ...context, query: early })["log-minutes-since-touch"]).toEqual([0]);
  });
});

/** A user's history, newest first: item row, type, value, minutes before NOW, and whether it was here. */
function historyOf(
  touches: readonly (readonly [
    row: number,
    type: InteractionType,
    value: number,
    minutes: number,
    here?: boolean,
  ])[],
): Query["history"] {
  return {
    items: Int32Array.from(touches, ([row]) => row),
    times: Float64Array.from(touches, ([, , , minutes]) => NOW - minutes * MINUTE),
    types: Uint8Array.from(touches, ([, type]) => interactionCode(type)),
    values: Float32Array.from(touches, ([, , value]) => value),
    here: Uint8Array.from(touches, ([, , , , here = false]) => Number(here)),
  };
}

const NONE = Number.NaN;

describe("visits", () => {
  const catalog = catalogOf([{ duration: 60 }, { duration: 60 }, {}], NOW);

  it("are consecutive touches of one item merged, with what happened in them", () => {
    const visits = visitsOf(
      historyOf([
        [0, "like", NONE, 1],
        [0, "watch", 0.1, 2],
        [0, "watch", 0.4, 3],
        [1, "click", NONE, 4],
        [0, "watch", 0.1, 5],
        [2, "watch", 0.7, 6],
      ]),
      catalog,
    );
    expect([...visits.items]).toEqual([0, 1, 0, 2]);
    expect(Array.from(visits.times, (time) => (NOW - time) / MINUTE)).toEqual([1, 4, 5, 6]);
    expect([...visits.shares]).toEqual([Math.fround(0.4), NONE, Math.fround(0.1), Math.fround(0.7)]);
    const named = Array.from(visits.actions, (bits) =>
      ACTIONS.filter((_, a) => (bits >> a) & 1).map(({ name }) => name),
    );
    expect(named).toEqual([
      ["engage", "long-watch", "approve"],
      ["engage", "click"],
      [],
      ["engage", "long-watch"],
    ]);
    expect(visits.types[0]).toBe((1 << interactionCode("like")) | (1 << interactionCode("watch")));
  });

  it("are at most fifty, each of them whole", () => {
    const touches = Array.from({ length: 60 }, (_, i) => [
      [i % 2, "click", NONE, 2 * i] as const,
      [i % 2, "like", NONE, 2 * i + 1] as const,
    ]).flat();
    const visits = visitsOf(historyOf(touches), catalog);
    expect(visits.items).toHaveLength(50);
    expect(new Set(visits.types).size).toBe(1);
    expect(visitsOf(historyOf([]), catalog).items).toHaveLength(0);
  });
});

describe("place", () => {
  const schema = { surfaces: ["home", "tab"], devices: ["phone"] };
  const of = (context: Query["context"]) => {
    const query = { ...queryOver([]), context };
    return columnsOf("place", { query, catalog: createCatalog(), candidates: candidates([]) }, schema);
  };

  it("has a column for each place of training, one for others and one for none", () => {
    expect(of({ surface: "tab", device: "phone" })).toEqual({
      "surface=home": [0],
      "surface=tab": [1],
      "other-surface": [0],
      "no-surface": [0],
      "device=phone": [1],
      "other-device": [0],
      "no-device": [0],
    });
    expect(of({ surface: "toString" })).toMatchObject({ "other-surface": [1], "no-device": [1] });
  });
});

describe("user", () => {
  const schema: Partial<FeatureSchema> = {
    facts: [
      { key: "age", kind: "number" },
      { key: "country", kind: "category", values: ["NO", "true"] },
    ],
  };
  const of = (facts?: Query["context"]["facts"]) => {
    const query = { ...queryOver([]), context: facts === undefined ? {} : { facts } };
    return columnsOf("user", { query, catalog: createCatalog(), candidates: candidates([]) }, schema);
  };

  it("has the logarithm of a number and a column a value of a category", () => {
    expect(of({ age: -1, country: true })).toEqual({
      "age.log": [Math.fround(-Math.log(2))],
      "age.known": [1],
      "country=NO": [0],
      "country=true": [1],
      "country.other": [0],
    });
    expect(of({ age: "old", country: "DE", hobby: "x" })).toMatchObject({
      "age.known": [0],
      "country.other": [1],
    });
    expect(Object.values(of()).flat()).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("habit", () => {
  const catalog = catalogOf([{ duration: 60 }, { duration: 60 }, {}], NOW);
  const of = (history: Query["history"]) =>
    columnsOf("habit", { query: { ...queryOver([]), history }, catalog, candidates: candidates([]) });

  it("tells how much, how lately and how well", () => {
    const columns = of(
      historyOf([
        [0, "watch", 1, 5],
        [1, "watch", 0.1, 20, true],
        [2, "click", NONE, 100],
        [0, "watch", 0.5, 60 * 24 * 3, true],
        [0, "click", NONE, 60 * 24 * 3],
      ]),
    );
    const { log1p } = Math;
    const near = (name: string, value: number) => expect(columns[name]![0]).toBeCloseTo(value, 5);
    near("log-visits", log1p(4));
    near("log-visits-hour", log1p(2));
    near("log-visits-day", log1p(3));
    near("log-visits-sitting", log1p(2));
    near("visit-1.log-minutes", log1p(5));
    near("visit-2.share", 0.1);
    near("visit-3.share", 0.5);
    near("visit-1.long-watch", 1);
    near("visit-2.engage", 0);
    near("visit-3.click", 1);
    near("last-5.share", (1 + 0.1 + 0.5 + 2 * 0.5) / (3 + 2));
    near("last-5.click", (2 + 2 * 0.3) / (4 + 2));
    near("last-50.long-watch", (2 + 2 * 0.3) / (4 + 2));
    near("here.log-visits", log1p(2));
    near("here.log-minutes", log1p(20));
    near("here.last-5.share", (0.1 + 0.5 + 2 * 0.5) / (2 + 2));
    // One visit, two touches, one of them here.
    near("here.last-200.click", (1 + 2 * 0.3) / (2 + 2));
  });

  it("says of a user without visits what each column says where nothing is known", () => {
    const columns = of(historyOf([]));
    const set = featureSet(sourceSchema([]));
    for (const { name, group, unknown } of set.features) {
      if (group !== "habit") continue;
      expect(columns[name.slice("habit.".length)]).toEqual([Math.fround(unknown!)]);
    }
  });
});

describe("rate", () => {
  /** Shows an item, and answers with these interactions. */
  function exposed(row: number, n: number, ...types: readonly InteractionType[]): Event[] {
    const request = `r${row}/${n}` as RequestId;
    const user = "u" as UserId;
    return [
      {
        kind: "impression",
        id: `s${row}/${n}` as EventId,
        user,
        request,
        slots: [{ item: itemOf(row), position: 0 }],
        time: NOW,
      },
      ...types.map(
        (type): Event => ({
          kind: "interaction",
          id: `a${row}/${n}/${type}` as EventId,
          user,
          item: itemOf(row),
          type,
          time: NOW,
          request,
        }),
      ),
    ];
  }
  const ratesOf = (catalog: Catalog, rows: readonly number[]) =>
    columnsOf("rate", { query: queryOver([]), catalog, candidates: candidates(rows) });
  const odds = (p: number) => Math.log(p / (1 - p));

  it("draws few impressions to the creator's other items, these to the category's, these to all", () => {
    const catalog = catalogOf(
      [
        { creator: "ann", categories: ["red"] },
        { creator: "ann", categories: ["blue"] },
        { categories: ["red"] },
        {},
      ],
      NOW,
      [
        ...exposed(0, 0, "click"),
        ...exposed(0, 1),
        ...exposed(1, 0, "click", "like"),
        ...exposed(2, 0),
        ...exposed(3, 0),
      ],
    );
    const columns = ratesOf(catalog, [0, 3]);
    const all = (2 + 20 * 0.1) / (5 + 20);
    const red = (0 + 100 * all) / (1 + 100);
    const ann = (1 + 50 * red) / (1 + 50);
    expect(columns["click"]![0]).toBeCloseTo(odds((1 + 20 * ann) / (2 + 20)), 5);
    expect(columns["click.creator"]![0]).toBeCloseTo(odds(ann) - odds(all), 5);
    expect(columns["click.category"]![0]).toBeCloseTo(odds(red) - odds(all), 5);
    expect(columns["click.item"]![0]).toBeCloseTo(odds((1 + 20 * all) / (2 + 20)) - odds(all), 5);
    // An item without creator and category is like all items until it is shown.
    expect(columns["click"]![1]).toBeCloseTo(odds((0 + 20 * all) / (1 + 20)), 5);
    expect(columns["click.creator"]![1]).toBeCloseTo(0, 6);
  });

  it("does not fall below one in ten thousand, however often nothing happened", () => {
    const facts = [
      { creator: "ann", categories: ["red"] },
      { creator: "ann", categories: ["red"] },
    ];
    const shown = (count: number) => Array.from({ length: count }, (_, n) => exposed(n % 2, n)).flat();
    const few = ratesOf(catalogOf(facts, NOW, shown(20_000)), [0, 1]);
    expect(few["click"]).toEqual([0, 1].map(() => Math.fround(odds(1e-4))));
    for (const column of ["click.item", "click.creator", "click.category", "click.1d"]) {
      for (const value of few[column]!) expect(Math.abs(value)).toBeLessThan(1e-6);
    }
  });

  it("counts a visit in which two things were done once", () => {
    const catalog = catalogOf([{}], NOW, exposed(0, 0, "click", "watch", "like"));
    const columns = ratesOf(catalog, [0]);
    expect(columns["engage.log-count"]![0]).toBeCloseTo(Math.log(2), 6);
    expect(columns["approve.log-count"]![0]).toBeCloseTo(Math.log(2), 6);
  });

  it("is the share of what was taken where nothing was ever shown", () => {
    const catalog = catalogOf([{}, {}], NOW, [
      click(itemOf(0), "a", NOW),
      click(itemOf(0), "b", NOW),
      click(itemOf(1), "a", NOW),
    ]);
    const columns = ratesOf(catalog, [0, 1]);
    expect(columns["click"]![0]).toBeCloseTo(Math.log(3 / (3 - 2 + 3)), 6);
    expect(columns["click"]![0]).toBeGreaterThan(columns["click"]![1]!);
    for (const value of columns["click.item"]!) expect(value).toBeCloseTo(0, 12);
  });

  it("names for each head the column that popularity ranks by", () => {
    const { popularityColumns, candidateNames } = featureSet(sourceSchema([]));
    expect(Object.keys(popularityColumns)).toEqual(ACTIONS.map(({ name }) => name));
    for (const [head, column] of Object.entries(popularityColumns)) {
      expect(candidateNames[column]).toBe(`rate.${head}`);
    }
  });
});

describe("taste", () => {
  const catalog = catalogOf(
    [
      { creator: "ann", categories: ["red"], duration: 60 },
      { creator: "bob", categories: ["blue", "red"], duration: 65 },
      { creator: "ann", categories: ["blue"], duration: 3000 },
      {},
    ],
    NOW,
  );
  const of = (history: Query["history"], rows: readonly number[]) =>
    columnsOf("taste", { query: { ...queryOver([]), history }, catalog, candidates: candidates(rows) });

  it("compares visits to the same creator, categories, length and item with all visits", () => {
    const columns = of(
      historyOf([
        [0, "click", NONE, 10],
        [1, "watch", 0.1, 20],
      ]),
      [2, 1, 3],
    );
    const near = (name: string, i: number, value: number) =>
      expect(columns[name]![i], `${name} of ${i}`).toBeCloseTo(value, 5);
    // Half of the visits had a click, and the one to the same creator did.
    near("creator.click", 0, (1 + 3 * 0.5) / (1 + 3) - 0.5);
    near("creator.log-visits", 0, Math.log(2));
    near("creator.log-minutes", 0, Math.log1p(10));
    near("category.click", 0, (0 + 3 * 0.5) / (1 + 3) - 0.5);
    // Of blue and red, one visit and two: a mean of one and a half, half of a click.
    near("category.log-visits", 1, Math.log(2.5));
    near("category.click", 1, (0.5 + 3 * 0.5) / (1.5 + 3) - 0.5);
    near("category.log-minutes", 1, Math.log1p(10));
    near("item.log-visits", 1, Math.log(2));
    near("item.share", 1, 0);
    near("item.log-visits", 0, 0);
    expect(columns["length.log-visits"]![1]).toBeGreaterThan(0.9);
    expect(columns["length.log-visits"]![0]).toBeLessThan(0.01);
  });

  it("says nothing of an item without facts, and of a user without visits", () => {
    const set = featureSet(sourceSchema([]));
    const silent = set.features.filter(({ group }) => group === "taste");
    for (const columns of [of(historyOf([[0, "click", NONE, 10]]), [3]), of(historyOf([]), [0])]) {
      for (const { name, unknown } of silent) {
        expect(columns[name.slice("taste.".length)], name).toEqual([Math.fround(unknown!)]);
      }
    }
  });
});
