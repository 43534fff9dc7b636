/** What every source promises (src/retrieval/retriever.ts), over all of SOURCES and one that encodes, on the checkerboard. */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
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
  encoded,
  extend,
  FITTED,
  fitted,
  itemOf,
  KNOWN,
  NOW,
  type QueryOptions,
  queryOver,
  sequences,
  sequencesOf,
  upsert,
} from "./checkerboard.ts";
import { colours } from "./colours.ts";

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

describe.each([...SOURCES, colours].map((source) => ({ name: source.name, source })))(
  "$name",
  ({ source }) => {
    const catalog = checkerboardCatalog();
    let columns: Columns;
    let retriever: Retriever;
    /** What this test has loaded besides. */
    let others: Retriever[] = [];

    beforeAll(async () => {
      columns = await fitted(source);
      retriever = await source.load(columns, catalog);
    });
    afterEach(async () => {
      for (const other of others) await other.close?.();
      others = [];
    });
    afterAll(() => retriever.close?.());

    async function loaded(from: Columns, of: Catalog): Promise<Retriever> {
      const other = await source.load(from, of);
      others.push(other);
      return other;
    }

    /** The query of a user who clicked these, with what the source makes of it. */
    const asked = (history: readonly number[], options?: QueryOptions, by = retriever) =>
      encoded(by, queryOver(history, options));

    it("answers under its own name, which is its first signal's too", () => {
      expect(retriever.name).toBe(source.name);
      expect(retriever.signalNames).toEqual(source.signalNames);
      expect(retriever.personal).toBe(source.personal);
      expect(source.signalNames[0]).toBe(source.name);
    });

    it("finds allowed rows without repeats, best first, at most k, whatever the touches and the mask", async () => {
      await fc.assert(
        fc.asyncProperty(anyHistory, anyMask, fc.nat(KNOWN + 2), async (history, allowed, k) => {
          const query = await asked(history, { allowed });
          expectSound(retriever.retrieve(query, k), query, k);
        }),
        { numRuns: 50 },
      );
    });

    it("finds for k = 0, 1, n and n + 1 the head of one and the same order", async () => {
      const query = await asked(blacks);
      const all = retriever.retrieve(query, KNOWN);
      const n = all.rows.length;
      expect(n).toBeGreaterThan(10);
      for (const k of [0, 1, n - 1, n, n + 1]) {
        const found = retriever.retrieve(query, k);
        expect(found.rows).toEqual(all.rows.slice(0, k));
        expect(found.scores).toEqual(all.scores.slice(0, k));
      }
    });

    it("finds nothing where nothing is allowed, and the one that is where one is", async () => {
      const allowed = new Uint8Array(KNOWN);
      expect(retriever.retrieve(await asked(blacks, { allowed }), 10).rows).toHaveLength(0);
      allowed[30] = 1;
      expect([...retriever.retrieve(await asked(blacks, { allowed }), 10).rows]).toEqual([30]);
    });

    it("says what it is: personal, or the same for everybody", async () => {
      const rowsFor = async (history: readonly number[]) => [
        ...retriever.retrieve(await asked(history, { allowed: new Uint8Array(KNOWN).fill(1) }), 10).rows,
      ];
      const nobody = await rowsFor([]);
      if (source.personal) {
        expect(nobody).toEqual([]);
        expect(await rowsFor(blacks)).not.toEqual(await rowsFor(whites));
      } else {
        expect(nobody).toHaveLength(10);
        expect(await rowsFor(blacks)).toEqual(nobody);
        expect(await rowsFor(whites)).toEqual(nobody);
      }
    });

    if (source.personal) {
      it.each([
        ["black", blacks],
        ["white", whites],
      ])("shows those who took %s items others of that colour", async (_, history) => {
        const { rows } = retriever.retrieve(await asked(history), 10);
        expect([...rows].map(colour)).toEqual(new Array(10).fill(colour(history[0]!)));
      });

      it("learns nothing from touches of items that nobody took in its fit and of which nothing is said", async () => {
        const untaken = everyRow.filter((row) => row >= FITTED - 2 && row < FITTED);
        const found = retriever.retrieve(await asked(untaken), 10);
        expect(found.rows).toHaveLength(0);
        for (const column of signalsOf(source, found, everyRow))
          expect(column).toEqual(new Float32Array(KNOWN));
      });

      it("hears the newest touches over any number of older ones", async () => {
        const newest = Array.from({ length: 250 }, (_, i) => 2 * (i % 50));
        const history = [...newest, ...newest.map((row) => row + 1)];
        const query = await asked(history, { allowed: new Uint8Array(KNOWN).fill(1) });
        const found = retriever.retrieve(query, 10);
        expectSound(found, query, 10);
        expect([...found.rows].map(colour)).toEqual(new Array(10).fill(0));
        for (const column of signalsOf(source, found, everyRow))
          expect(column.every(Number.isFinite)).toBe(true);
      });

      it("answers nothing where it was never fitted", async () => {
        const empty = await loaded({}, catalog);
        const found = empty.retrieve(await asked(blacks, {}, empty), 10);
        expect(found.rows).toHaveLength(0);
        for (const column of signalsOf(source, found, everyRow)) {
          expect(column).toEqual(new Float32Array(KNOWN));
        }
      });
    }

    if (source.personal && !source.knowsNewItems) {
      it("knows nothing of touches of items that came after its fit, and nothing of such items", async () => {
        const newer = everyRow.filter((row) => row >= FITTED);
        const found = retriever.retrieve(await asked(newer, { allowed: new Uint8Array(KNOWN).fill(1) }), 10);
        expect(found.rows).toHaveLength(0);
        const none = new Float32Array(KNOWN);
        for (const column of signalsOf(source, found, everyRow)) expect(column).toEqual(none);
        const known = retriever.retrieve(await asked([...newer, ...blacks]), KNOWN);
        expect(Math.max(...known.rows)).toBeLessThan(FITTED);
        for (const column of signalsOf(source, known, newer)) expect(column).toEqual(new Float32Array(4));
      });
    }

    if (source.personal && source.knowsNewItems) {
      it("hears touches of items that came after its fit, and finds such items by what is said of them", async () => {
        const facts = (row: number) => ({ categories: [colour(row) === 0 ? "black" : "white"] });
        const known = checkerboardCatalog(facts);
        const coloured = await loaded(await fitted(source, sequences, known), known);
        // Two of each colour, and two of which nothing is said.
        const [first, end] = [known.size, known.size + 6];
        const newer = Array.from({ length: end - first }, (_, i) => first + i);
        const items = newer.map((row) => upsert(itemOf(row), NOW, row < end - 2 ? facts(row) : {}));
        extend(known, items);
        for (const wanted of [0, 1]) {
          const own = newer.filter((row) => row < end - 2 && colour(row) === wanted);
          for (const history of [wanted === 0 ? blacks : whites, [own[0]!]]) {
            const query = await asked(history, { size: known.size }, coloured);
            const found = coloured.retrieve(query, known.size);
            expectSound(found, query, known.size);
            const place = (row: number) => found.rows.indexOf(row);
            for (const row of newer.slice(0, -2))
              if (colour(row) !== wanted) expect(place(own[1]!)).toBeLessThan(place(row));
            const rows = Array.from({ length: known.size }, (_, row) => row);
            for (const column of signalsOf(source, found, rows))
              expect(column.every(Number.isFinite)).toBe(true);
          }
        }
      });
    }

    it("gives signals for any rows, found or not, and its score as the first", async () => {
      await fc.assert(
        fc.asyncProperty(anyHistory, anyMask, async (history, allowed) => {
          const query = await asked(history, { allowed });
          const found = retriever.retrieve(query, 20);
          for (const column of signalsOf(source, found, everyRow)) {
            expect(column.every(Number.isFinite)).toBe(true);
          }
          const [own] = signalsOf(source, found, found.rows);
          for (let i = 0; i < found.rows.length; i++) {
            // Sums in another order may differ in the last bits.
            expect(Math.abs(own![i]! - found.scores[i]!)).toBeLessThan(
              1e-5 * (1 + Math.abs(found.scores[i]!)),
            );
          }
        }),
        { numRuns: 50 },
      );
    });

    it("gives a row the same signals, to the bit, whatever rows stand beside it", async () => {
      const found = retriever.retrieve(await asked(blacks), 20);
      const whole = signalsOf(source, found, everyRow);
      const backwards = signalsOf(source, found, everyRow.toReversed());
      whole.forEach((column, j) => {
        expect(backwards[j]!.toReversed()).toEqual(column);
        for (const row of everyRow) expect(signalsOf(source, found, [row])[j]![0]).toBe(column[row]);
      });
      expect(signalsOf(source, found, [])[0]).toHaveLength(0);
    });

    it("keeps two queries apart that are asked in turn", async () => {
      const [black, white] = [await asked(blacks), await asked(whites)];
      const one = retriever.retrieve(black, 20);
      const alone = {
        rows: one.rows.slice(),
        scores: one.scores.slice(),
        signals: signalsOf(source, one, everyRow),
      };
      const other = retriever.retrieve(white, 20);
      signalsOf(source, other, everyRow);
      expect(one.rows).toEqual(alone.rows);
      expect(one.scores).toEqual(alone.scores);
      expect(signalsOf(source, one, everyRow)).toEqual(alone.signals);
    });

    it("leaves the query as it was", async () => {
      const query = await asked([44, ...blacks, 7, 7]);
      const before = structuredClone(query);
      signalsOf(source, retriever.retrieve(query, 10), everyRow);
      expect(query).toEqual(before);
    });

    it("encodes a user the same whoever else is encoded at the time, and leaves the touches as they were", async () => {
      const alone = await asked(blacks);
      const [again] = await Promise.all([asked(blacks), asked(whites), asked([5])]);
      expect(again).toEqual(alone);
      expect({ ...alone, encodings: {} }).toEqual(queryOver(blacks));
    });

    it("finds nothing where it encodes users and the query has no encoding", async () => {
      const found = retriever.retrieve(queryOver(blacks), 10);
      const own = (await asked(blacks)).encodings[source.name];
      expect(own === undefined).toBe(retriever.encode === undefined);
      if (own === undefined) return;
      expect(found.rows).toHaveLength(0);
      for (const column of signalsOf(source, found, everyRow))
        expect(column).toEqual(new Float32Array(KNOWN));
    });

    it("answers the same from columns that were written down and read again", async () => {
      const again = await loaded(structuredClone(columns), catalog);
      for (const history of [[], blacks, whites, [44, 3, 3, 8]]) {
        const one = retriever.retrieve(await asked(history), 20);
        const two = again.retrieve(await asked(history, {}, again), 20);
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
      const grown = await loaded(columns, growing);
      const before = grown.retrieve(await asked(blacks, {}, grown), 10).rows;
      const many = Array.from({ length: 3000 }, (_, i) => itemOf(KNOWN + i));
      const hot = itemOf(KNOWN + 2999);
      const now = (NOW + 30 * DAY) as EpochMs;
      extend(growing, [
        ...many.map((item) => upsert(item, now - 20 * DAY)),
        upsert(itemOf(KNOWN + 3000), now - HOUR),
        ...Array.from({ length: 100 }, (_, i) => click(hot, `v${i}`, now - i)),
      ]);
      const query = await asked(blacks, { size: growing.size, now }, grown);
      const found = grown.retrieve(query, 10);
      expectSound(found, query, 10);
      if (!source.knowsNewItems) expect(found.rows).toEqual(before);
      else if (!source.personal) expect([KNOWN + 2999, KNOWN + 3000]).toContain(found.rows[0]);
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
      const tiny = await loaded(await fitted(source, few, small), small);
      for (const history of [[], [0], [1, 0, 1]].filter((rows) => rows.every((row) => row < small.size))) {
        const query = await asked(history, { allowed: new Uint8Array(small.size).fill(1) }, tiny);
        const found = tiny.retrieve(query, 5);
        expectSound(found, query, 5);
        const rows = Array.from({ length: small.size }, (_, row) => row);
        for (const column of signalsOf(source, found, rows)) expect(column.every(Number.isFinite)).toBe(true);
      }
    });
  },
);
