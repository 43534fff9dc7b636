/** What every source promises (src/retrieval/retriever.ts), over all of SOURCES, on the checkerboard. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, HOUR } from "../../src/core/index.ts";
import {
  type Columns,
  type Query,
  type Retrieved,
  type Retriever,
  type Sequences,
  SOURCES,
  type Source,
} from "../../src/retrieval/index.ts";
import {
  checkerboardCatalog,
  click,
  colour,
  extend,
  FITTED,
  fitted,
  itemOf,
  KNOWN,
  NOW,
  queryOver,
  sequences,
  sequencesOf,
  upsert,
} from "./checkerboard.ts";

/** What holds of every answer to every query. */
function expectSound(found: Retrieved, query: Query, k: number): void {
  const { rows, scores } = found;
  expect(rows.length).toBeLessThanOrEqual(k);
  expect(scores.length).toBe(rows.length);
  expect(new Set(rows).size).toBe(rows.length);
  expect(rows.every((row) => query.allowed[row] === 1)).toBe(true);
  expect(scores.every(Number.isFinite)).toBe(true);
  // On this data no source orders more finely than its scores say.
  const inOrder = Array.from(rows, (row, i) => ({ row, score: scores[i]! })).sort(
    (a, b) => b.score - a.score || a.row - b.row,
  );
  expect([...rows]).toEqual(inOrder.map(({ row }) => row));
}

/** The signals of these rows; whatever is not written stays NaN. */
function signalsOf(source: Source, found: Retrieved, rows: ArrayLike<number>): Float32Array[] {
  const columns = source.signalNames.map(() => new Float32Array(rows.length).fill(Number.NaN));
  found.signals(Int32Array.from(rows), columns);
  return columns;
}

const everyRow = Array.from({ length: KNOWN }, (_, row) => row);
/** Twenty touches, spread over the items of a colour. */
const blacks = Array.from({ length: 20 }, (_, i) => 2 * ((i * 37) % 100));
const whites = blacks.map((row) => row + 1);
/** Any touches, repeats and items newer than the fit among them. */
const anyHistory = fc.array(fc.integer({ min: 0, max: KNOWN - 1 }), { maxLength: 30 });
const anyMask = fc.uint8Array({ min: 0, max: 1, minLength: KNOWN, maxLength: KNOWN });

describe("the sources together", () => {
  it("have names and signals that are told apart", () => {
    const names = SOURCES.map((source) => source.name);
    const signals = SOURCES.flatMap((source) => source.signalNames);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(signals).size).toBe(signals.length);
  });

  it("have votes that count", () => {
    for (const source of SOURCES) expect(source.weight).toBeGreaterThan(0);
  });
});

describe.each(SOURCES.map((source) => ({ name: source.name, source })))("$name", ({ source }) => {
  const catalog = checkerboardCatalog();
  let columns: Columns;
  let retriever: Retriever;

  beforeAll(async () => {
    columns = await fitted(source);
    retriever = await source.load(columns, catalog);
  });

  it("answers under its own name, which is its first signal's too", () => {
    expect(retriever.name).toBe(source.name);
    expect(retriever.signalNames).toEqual(source.signalNames);
    expect(retriever.personal).toBe(source.personal);
    expect(source.signalNames[0]).toBe(source.name);
  });

  it("finds allowed rows without repeats, best first, at most k, whatever the touches and the mask", () => {
    fc.assert(
      fc.property(anyHistory, anyMask, fc.nat(KNOWN + 2), (history, allowed, k) => {
        const query = queryOver(history, { allowed });
        expectSound(retriever.retrieve(query, k), query, k);
      }),
      { numRuns: 50 },
    );
  });

  it("finds for k = 0, 1, n and n + 1 the head of one and the same order", () => {
    const query = queryOver(blacks);
    const all = retriever.retrieve(query, KNOWN);
    const n = all.rows.length;
    expect(n).toBeGreaterThan(10);
    for (const k of [0, 1, n - 1, n, n + 1]) {
      const found = retriever.retrieve(query, k);
      expect(found.rows).toEqual(all.rows.slice(0, k));
      expect(found.scores).toEqual(all.scores.slice(0, k));
    }
  });

  it("finds nothing where nothing is allowed, and the one that is where one is", () => {
    const allowed = new Uint8Array(KNOWN);
    expect(retriever.retrieve(queryOver(blacks, { allowed }), 10).rows).toHaveLength(0);
    allowed[30] = 1;
    expect([...retriever.retrieve(queryOver(blacks, { allowed }), 10).rows]).toEqual([30]);
  });

  it("says what it is: personal, or the same for everybody", () => {
    const rowsFor = (history: readonly number[]) => [
      ...retriever.retrieve(queryOver(history, { allowed: new Uint8Array(KNOWN).fill(1) }), 10).rows,
    ];
    const nobody = rowsFor([]);
    if (source.personal) {
      expect(nobody).toEqual([]);
      expect(rowsFor(blacks)).not.toEqual(rowsFor(whites));
    } else {
      expect(nobody).toHaveLength(10);
      expect(rowsFor(blacks)).toEqual(nobody);
      expect(rowsFor(whites)).toEqual(nobody);
    }
  });

  if (source.personal) {
    it.each([
      ["black", blacks],
      ["white", whites],
    ])("shows those who took %s items others of that colour", (_, history) => {
      const { rows } = retriever.retrieve(queryOver(history), 10);
      expect([...rows].map(colour)).toEqual(new Array(10).fill(colour(history[0]!)));
    });

    it("knows nothing of touches of items that came after its fit, and nothing of such items", () => {
      const newer = everyRow.filter((row) => row >= FITTED);
      const found = retriever.retrieve(queryOver(newer, { allowed: new Uint8Array(KNOWN).fill(1) }), 10);
      expect(found.rows).toHaveLength(0);
      const none = new Float32Array(KNOWN);
      for (const column of signalsOf(source, found, everyRow)) expect(column).toEqual(none);
      const known = retriever.retrieve(queryOver([...newer, ...blacks]), KNOWN);
      expect(Math.max(...known.rows)).toBeLessThan(FITTED);
      for (const column of signalsOf(source, known, newer)) expect(column).toEqual(new Float32Array(4));
    });

    it("learns nothing from touches of items that nobody took in its fit", () => {
      const untaken = everyRow.filter((row) => row >= FITTED - 2 && row < FITTED);
      const found = retriever.retrieve(queryOver(untaken), 10);
      expect(found.rows).toHaveLength(0);
      for (const column of signalsOf(source, found, everyRow))
        expect(column).toEqual(new Float32Array(KNOWN));
    });

    it("hears the newest touches over any number of older ones", () => {
      const newest = Array.from({ length: 250 }, (_, i) => 2 * (i % 50));
      const history = [...newest, ...newest.map((row) => row + 1)];
      const query = queryOver(history, { allowed: new Uint8Array(KNOWN).fill(1) });
      const found = retriever.retrieve(query, 10);
      expectSound(found, query, 10);
      expect([...found.rows].map(colour)).toEqual(new Array(10).fill(0));
      for (const column of signalsOf(source, found, everyRow))
        expect(column.every(Number.isFinite)).toBe(true);
    });

    it("answers nothing where it was never fitted", async () => {
      const empty = await source.load({}, catalog);
      const found = empty.retrieve(queryOver(blacks), 10);
      expect(found.rows).toHaveLength(0);
      for (const column of signalsOf(source, found, everyRow)) {
        expect(column).toEqual(new Float32Array(KNOWN));
      }
    });
  }

  it("gives signals for any rows, found or not, and its score as the first", () => {
    fc.assert(
      fc.property(anyHistory, anyMask, (history, allowed) => {
        const query = queryOver(history, { allowed });
        const found = retriever.retrieve(query, 20);
        for (const column of signalsOf(source, found, everyRow)) {
          expect(column.every(Number.isFinite)).toBe(true);
        }
        const [own] = signalsOf(source, found, found.rows);
        for (let i = 0; i < found.rows.length; i++) {
          // Sums in another order may differ in the last bits.
          expect(Math.abs(own![i]! - found.scores[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(found.scores[i]!)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("gives a row the same signals, to the bit, whatever rows stand beside it", () => {
    const found = retriever.retrieve(queryOver(blacks), 20);
    const whole = signalsOf(source, found, everyRow);
    const backwards = signalsOf(source, found, everyRow.toReversed());
    whole.forEach((column, j) => {
      expect(backwards[j]!.toReversed()).toEqual(column);
      for (const row of everyRow) expect(signalsOf(source, found, [row])[j]![0]).toBe(column[row]);
    });
    expect(signalsOf(source, found, [])[0]).toHaveLength(0);
  });

  it("keeps two queries apart that are asked in turn", () => {
    const one = retriever.retrieve(queryOver(blacks), 20);
    const alone = {
      rows: one.rows.slice(),
      scores: one.scores.slice(),
      signals: signalsOf(source, one, everyRow),
    };
    const other = retriever.retrieve(queryOver(whites), 20);
    signalsOf(source, other, everyRow);
    expect(one.rows).toEqual(alone.rows);
    expect(one.scores).toEqual(alone.scores);
    expect(signalsOf(source, one, everyRow)).toEqual(alone.signals);
  });

  it("leaves the query as it was", () => {
    const query = queryOver([44, ...blacks, 7, 7]);
    const before = structuredClone(query);
    signalsOf(source, retriever.retrieve(query, 10), everyRow);
    expect(query).toEqual(before);
  });

  it("answers the same from columns that were written down and read again", async () => {
    const again = await source.load(structuredClone(columns), catalog);
    for (const history of [[], blacks, whites, [44, 3, 3, 8]]) {
      const one = retriever.retrieve(queryOver(history), 20);
      const two = again.retrieve(queryOver(history), 20);
      expect(two.rows).toEqual(one.rows);
      expect(two.scores).toEqual(one.scores);
      expect(signalsOf(source, two, everyRow)).toEqual(signalsOf(source, one, everyRow));
    }
  });

  it("is fitted to the same columns by the same seed, and leaves the sequences as they were", async () => {
    const before = structuredClone(sequences);
    expect(await fitted(source)).toEqual(columns);
    expect(sequences).toEqual(before);
  });

  it("goes on answering while the catalog grows past every capacity", async () => {
    const growing = checkerboardCatalog();
    const loaded = await source.load(columns, growing);
    const before = loaded.retrieve(queryOver(blacks), 10).rows;
    const many = Array.from({ length: 3000 }, (_, i) => itemOf(KNOWN + i));
    const hot = itemOf(KNOWN + 2999);
    const now = (NOW + 30 * DAY) as EpochMs;
    extend(growing, [
      ...many.map((item) => upsert(item, now - 20 * DAY)),
      upsert(itemOf(KNOWN + 3000), now - HOUR),
      ...Array.from({ length: 100 }, (_, i) => click(hot, `v${i}`, now - i)),
    ]);
    const query = queryOver(blacks, { size: growing.size, now });
    const found = loaded.retrieve(query, 10);
    expectSound(found, query, 10);
    if (source.personal) expect(found.rows).toEqual(before);
    else expect([KNOWN + 2999, KNOWN + 3000]).toContain(found.rows[0]);
    const rows = Array.from({ length: growing.size }, (_, row) => row);
    for (const column of signalsOf(source, found, rows)) expect(column.every(Number.isFinite)).toBe(true);
  });

  it.each<[string, Sequences]>([
    ["nobody and nothing", sequencesOf([], 0)],
    ["items that nobody took", sequencesOf([], 3)],
    ["users without a touch", sequencesOf([[], []], 3)],
    ["one user who took one item", sequencesOf([[0]], 1)],
    ["one user who took one item again and again", sequencesOf([[1, 1, 1, 1]], 2)],
  ])("can be fitted on %s", async (_, few) => {
    const small = createCatalog();
    extend(
      small,
      Array.from({ length: few.itemCount }, (_, row) => upsert(itemOf(row), NOW)),
    );
    const loaded = await source.load(await fitted(source, few, small), small);
    for (const history of [[], [0], [1, 0, 1]].filter((rows) => rows.every((row) => row < small.size))) {
      const query = queryOver(history, { allowed: new Uint8Array(small.size).fill(1) });
      const found = loaded.retrieve(query, 5);
      expectSound(found, query, 5);
      const rows = Array.from({ length: small.size }, (_, row) => row);
      for (const column of signalsOf(source, found, rows)) expect(column.every(Number.isFinite)).toBe(true);
    }
  });
});
