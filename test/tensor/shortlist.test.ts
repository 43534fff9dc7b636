/** A search by a shortlist finds what a look at everything finds, to the bit, whatever has changed since. */
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Random } from "../../src/core/index.ts";
import { itemScorer } from "../../src/tensor/index.ts";
import { ListedRows } from "../../src/tensor/listed-rows.ts";
import { FirstLook, packList, type Shortlist, unpackList } from "../../src/tensor/shortlist.ts";

const K = 8;
const N = 12_000;
const CAPACITY = N + 500;

/** How many searches lists have answered. */
const answered = vi.spyOn(ListedRows.prototype, "top");
afterEach(() => void answered.mockClear());
const answers = () => answered.mock.results.filter(({ value }) => value !== undefined).length;

/** Vectors of a network: all about as long; some of them equal, zero or not finite. */
function world(name: string) {
  const random = new Random(name);
  const scorer = itemScorer({ factors: new Float32Array(0), N: 0, k: K, capacity: CAPACITY });
  const vectors: Float32Array[] = [];
  const drawn = (length = 1) => Float32Array.from({ length: K }, () => length * random.normal());
  const set = (row: number, vector: Float32Array) => {
    scorer.set(row, vector);
    vectors[row] = vector;
  };
  for (let row = 0; row < N; row++) {
    if (row % 9 === 4) set(row, vectors[random.int(row)]!);
    else if (row % 1000 === 11) set(row, new Float32Array(K));
    else if (row % 3000 === 13) set(row, drawn().fill(Number.NaN, 2, 3));
    else set(row, drawn());
  }
  const feed = scorer.feed(7)!;
  const elsewhere = new FirstLook(feed.all());
  elsewhere.put(feed.all());
  const listOf = (user: Float32Array): Shortlist | undefined => {
    const changed = feed.changes();
    if (changed !== undefined) {
      expect(elsewhere.takes(changed)).toBe(true);
      elsewhere.put(changed);
    }
    const list = elsewhere.shortlist(user);
    return list && unpackList(packList(list));
  };
  return { random, scorer, vectors, drawn, set, listOf };
}

describe("a shortlist", () => {
  test("gives rows, scores and sum of a look at everything, to the bit, for any mask, changes and count", () => {
    const { random, scorer, vectors, drawn, set, listOf } = world("shortlist/any");
    fc.assert(
      fc.property(
        fc.record({
          scale: fc.constantFrom(0.3, 1, 3),
          share: fc.constantFrom(1, 1, 0.999, 0.99, 0.5, 0.001),
          best: fc.constantFrom(0, 0, 30, 600),
          changes: fc.constantFrom(0, 1, 20, 120, 600),
          n: fc.constantFrom(0, 1, 500, 1000, 1024, 1025, 1500),
        }),
        ({ scale, share, best, changes, n }) => {
          const user = drawn(scale);
          const list = listOf(user);
          for (let change = 0; change < changes; change++) {
            const added = vectors.length < CAPACITY && random.next() < 0.1;
            const row = added ? vectors.length : random.int(vectors.length);
            const other = vectors[random.int(vectors.length)]!;
            // Another one's, one like the user's, or one that nobody has.
            const kind = random.next();
            set(row, kind < 0.5 ? other : kind < 0.6 ? user.map((value) => value / 4) : drawn());
          }
          const allowed = new Uint8Array(CAPACITY).map(() => (random.next() < share ? 1 : 0));
          const all = new Uint8Array(CAPACITY).fill(1);
          for (const row of scorer.top(user, all, best).rows) allowed[row] = 0;
          const found = scorer.topOfSoftmax(user, allowed, n, list);
          expect(found).toEqual(scorer.topOfSoftmax(user, allowed, n));
        },
      ),
      { numRuns: 120 },
    );
    expect(answers()).toBeGreaterThan(15);
  });

  test("answers where little is left out and little has changed, also what is new and among the best", () => {
    const { scorer, vectors, drawn, set, listOf } = world("shortlist/new");
    const allowed = new Uint8Array(CAPACITY).fill(1);
    for (let round = 0; round < 5; round++) {
      const user = drawn();
      const list = listOf(user);
      expect(list).toBeDefined();
      const old = scorer.topOfSoftmax(user, allowed, 3, list).rows;
      // The best goes, and one comes that is nearly as good.
      const second = vectors[old[1]!]!;
      set(old[0]!, drawn());
      set(
        vectors.length,
        second.map((value) => value * 1.0001),
      );
      const found = scorer.topOfSoftmax(user, allowed, 1000, list);
      expect(found.rows[0]).toBe(vectors.length - 1);
      expect(found).toEqual(scorer.topOfSoftmax(user, allowed, 1000));
    }
    expect(answers()).toBe(5);
  });

  test("is not made of few vectors, nor of a user who is nothing", () => {
    const scorer = itemScorer({ factors: new Float32Array(40).fill(1), N: 5, k: K, capacity: 9000 });
    const feed = scorer.feed(0)!;
    const look = new FirstLook(feed.all());
    look.put(feed.all());
    expect(look.shortlist(new Float32Array(K).fill(1))).toBeUndefined();
    expect(itemScorer({ factors: new Float32Array(40), N: 5, k: K }).feed(0)).toBeUndefined();
    const { listOf } = world("shortlist/nobody");
    expect(listOf(new Float32Array(K))).toBeUndefined();
  });
});
