/** Equal rows share a place, and what is found is what scoring all rows finds, whatever rows become. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { DistinctRows } from "../../src/tensor/distinct-rows.ts";
import { itemScorer } from "../../src/tensor/index.ts";
import { Kernels } from "../../src/tensor/kernels.ts";

const K = 4;
const nobody = { joined() {}, leaving() {} };

/** A scorer, and the rows that it has been given. */
function world(capacity: number) {
  const scorer = itemScorer({ factors: new Float32Array(0), N: 0, k: K, capacity });
  const rows: Float32Array[] = [];
  return {
    scorer,
    rows,
    set(row: number, vector: Float32Array) {
      while (rows.length < row) rows.push(new Float32Array(K));
      rows[row] = vector;
      scorer.set(row, vector);
    },
  };
}

/** Rows, scores and the sum as scoring all finds them; the scores of the scorer's own dot products, to the bit. */
function plain(
  { scorer, rows }: ReturnType<typeof world>,
  user: Float32Array,
  allowed: Uint8Array,
  n: number,
) {
  const scores = new Float32Array(rows.length);
  scorer.dot(Int32Array.from(rows.keys()), user, scores);
  const right = rows.map((row) => row.reduce((sum, value, d) => sum + value * user[d]!, 0));
  scores.forEach((score, row) => {
    expect(Math.abs(score - right[row]!)).toBeLessThan(1e-4);
  });
  const open = [...rows.keys()].filter((row) => allowed[row] === 1);
  const best = open.toSorted((a, b) => scores[b]! - scores[a]! || a - b).slice(0, n);
  return {
    rows: best,
    scores: best.map((row) => scores[row]!),
    logSum: Math.log(open.reduce((sum, row) => sum + Math.exp(scores[row]!), 0)),
  };
}

function expectPlain(one: ReturnType<typeof world>, user: Float32Array, allowed: Uint8Array, n: number) {
  const expected = plain(one, user, allowed, n);
  const { rows, scores, logSum } = one.scorer.topOfSoftmax(user, allowed, n);
  expect([...rows]).toEqual(expected.rows);
  expect([...scores]).toEqual(expected.scores);
  if (expected.logSum === -Infinity) expect(logSum).toBe(-Infinity);
  else expect(Math.abs(logSum - expected.logSum)).toBeLessThan(1e-3);
}

describe("equal rows", () => {
  test("are found one by one, and each alone takes another vector", () => {
    const value = fc.constantFrom(-1, 0, 0.5);
    const vector = fc.tuple(value, value).map(([a, b]) => [a, b, 0, 1]);
    const change = fc.record({ row: fc.integer({ min: 0, max: 19 }), vector });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 60 }),
        fc.array(fc.constantFrom(0, 1, 1), { minLength: 20, maxLength: 20 }),
        vector,
        fc.integer({ min: 0, max: 20 }),
        (changes, flags, user, n) => {
          const one = world(20);
          for (const { row, vector } of changes) {
            one.set(row, Float32Array.from(vector));
            expect([...one.scorer.of(row)]).toEqual(vector);
          }
          expectPlain(one, Float32Array.from(user), Uint8Array.from(flags), n);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("are found behind a first look in 8 bits, allowed or not, before and after they change", () => {
    const random = new Random("distinct/many");
    const drawn = () => Float32Array.from({ length: K }, () => random.normal());
    const N = 14_000;
    const one = world(N);
    // Of each third row there are others like it, of one a thousand.
    const kinds = Array.from({ length: 1500 }, drawn);
    for (let row = 0; row < N; row++) {
      const vector = row % 3 === 0 ? kinds[random.int(kinds.length)]! : row % 14 === 1 ? kinds[7]! : drawn();
      one.set(row, vector);
    }
    for (let round = 0; round < 6; round++) {
      const user = drawn();
      // The large kind is among the best.
      if (round % 2 === 0) user.set(kinds[7]!);
      const few = round === 4;
      const allowed = Uint8Array.from({ length: N }, () => (random.next() < (few ? 0.3 : 0.95) ? 1 : 0));
      if (round === 5) for (const [at, row] of one.rows.entries()) if (row === kinds[7]) allowed[at] = 0;
      expectPlain(one, user, allowed, 700);
      for (let change = 0; change < 300; change++) {
        one.set(random.int(N), random.next() < 0.5 ? kinds[random.int(9)]! : drawn());
      }
    }
  });

  test("have one place, which others take once all of its rows have left it", () => {
    const kernels = new Kernels();
    const distinct = new DistinctRows(kernels, 3, K);
    const placed: number[] = [];
    const set = (row: number, value: number) =>
      distinct.set(row, new Float32Array(K).fill(value), {
        ...nobody,
        placed: (place) => placed.push(place),
      });
    for (const row of [0, 1, 2]) set(row, 5);
    expect(distinct.places).toBe(1);
    set(1, 6);
    set(1, 6);
    expect(placed).toEqual([0, 1]);
    // Zero and minus zero are not the same to the bit.
    set(2, 0);
    set(2, -0);
    expect(placed).toEqual([0, 1, 2, 2]);
    for (let value = 0; value < 1000; value++) set(value % 3, value);
    expect(distinct.places).toBe(3);
    expect([0, 1, 2].map((row) => distinct.of(row)[0])).toEqual([999, 997, 998]);
    set(0, 998);
    set(1, 998);
    const count = placed.length;
    set(0, 998);
    set(2, 998);
    expect(placed).toHaveLength(count);
  });
});
