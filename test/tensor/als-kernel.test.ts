/** The ALS kernels against slow plain code on small data, and fold-in against the fit. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { alsFoldIn, dotRows, fitAls } from "../../src/tensor/index.ts";

interface Data {
  readonly users: number;
  readonly itemCount: number;
  readonly offsets: Int32Array;
  readonly items: Int32Array;
  readonly weights: Float32Array;
}

function dataOf(
  rows: readonly (readonly (readonly [item: number, weight: number])[])[],
  itemCount: number,
): Data {
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((row, u) => {
    offsets[u + 1] = offsets[u]! + row.length;
  });
  return {
    users: rows.length,
    itemCount,
    offsets,
    items: Int32Array.from(rows.flatMap((row) => row.map(([item]) => item))),
    weights: Float32Array.from(rows.flatMap((row) => row.map(([, weight]) => weight))),
  };
}

function randomRows(random: Random, users: number, itemCount: number): (readonly [number, number])[][] {
  return Array.from({ length: users }, () =>
    Array.from({ length: random.int(12) }, () => [random.int(itemCount), 0.25 + random.next()] as const),
  );
}

/** A dense symmetric system in f64 by Gauss-Jordan. */
function solve(a: number[][], b: readonly number[]): number[] {
  const n = b.length;
  const m = a.map((row, i) => [...row, b[i]!]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i; r < n; r++) if (Math.abs(m[r]![i]!) > Math.abs(m[pivot]![i]!)) pivot = r;
    [m[i], m[pivot]] = [m[pivot]!, m[i]!];
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const f = m[r]![i]! / m[i]![i]!;
      for (let c = i; c <= n; c++) m[r]![c]! -= f * m[i]![c]!;
    }
  }
  return m.map((row, i) => row[n]! / row[i]!);
}

/** The exact vector of one row by the formula of Hu, Koren and Volinsky. `pairs` without repeats. */
function exact(
  y: ArrayLike<number>,
  count: number,
  k: number,
  pairs: ReadonlyMap<number, number>,
  regularization: number,
  alpha: number,
): number[] {
  const a = Array.from({ length: k }, (_, i) =>
    Array.from({ length: k }, (_, j) => {
      let s = i === j ? regularization : 0;
      for (let n = 0; n < count; n++) {
        s += (1 + alpha * (pairs.get(n) ?? 0)) * y[n * k + i]! * y[n * k + j]!;
      }
      return s;
    }),
  );
  const b = Array.from({ length: k }, (_, i) => {
    let s = 0;
    for (const [n, w] of pairs) s += (1 + alpha * w) * y[n * k + i]!;
    return s;
  });
  return pairs.size === 0 ? new Array(k).fill(0) : solve(a, b);
}

function pairsOf(data: Data, side: "user" | "item", row: number): Map<number, number> {
  const pairs = new Map<number, number>();
  for (let u = 0; u < data.users; u++) {
    for (let e = data.offsets[u]!; e < data.offsets[u + 1]!; e++) {
      const [key, value] = side === "user" ? [u, data.items[e]!] : [data.items[e]!, u];
      if (key === row) pairs.set(value, (pairs.get(value) ?? 0) + data.weights[e]!);
    }
  }
  return pairs;
}

function largestGap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let gap = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) gap = Math.max(gap, Math.abs(a[i]! - b[i]!));
  return gap;
}

describe("fitAls", () => {
  for (const factors of [4, 12, 16, 20]) {
    test(`with ${factors} factors and enough steps, each side solves its equations exactly`, async () => {
      const random = new Random(factors);
      const data = dataOf(randomRows(random, 25, 18), 18);
      const model = { regularization: 0.3, alpha: 2 };
      const { userFactors, itemFactors } = await fitAls({
        ...data,
        ...model,
        factors,
        iterations: 2,
        cgSteps: 4 * factors,
        random,
      });
      // The item side is solved last, so it is the exact answer to the user side.
      for (let item = 0; item < data.itemCount; item++) {
        const pairs = pairsOf(data, "item", item);
        const expected = exact(userFactors, data.users, factors, pairs, model.regularization, model.alpha);
        const came = itemFactors.subarray(item * factors, (item + 1) * factors);
        expect(largestGap(came, expected), `item ${item}`).toBeLessThan(2e-4);
      }
    });
  }

  test("three steps a half-iteration come to where exact solutions come", async () => {
    const data = dataOf(randomRows(new Random("cg"), 60, 40), 40);
    const common = { ...data, factors: 8, iterations: 40, regularization: 1, alpha: 5 };
    const few = await fitAls({ ...common, cgSteps: 3, random: new Random(1) });
    const many = await fitAls({ ...common, cgSteps: 30, random: new Random(1) });
    const scores = ({ userFactors, itemFactors }: typeof few): number[] =>
      Array.from({ length: data.users * data.itemCount }, (_, n) => {
        const u = Math.floor(n / data.itemCount) * 8;
        const i = (n % data.itemCount) * 8;
        let s = 0;
        for (let f = 0; f < 8; f++) s += userFactors[u + f]! * itemFactors[i + f]!;
        return s;
      });
    expect(largestGap(scores(few), scores(many))).toBeLessThan(0.05);
  });

  test("on a checkerboard, users score the items of their colour above all others", async () => {
    // User u watched the items of its parity, except one: that one must come out on top of the unseen.
    const rows = Array.from({ length: 20 }, (_, u) =>
      Array.from({ length: 10 }, (_, n) => [2 * n + (u % 2), 1] as const).filter((_, n) => n !== u % 10),
    );
    const data = dataOf(rows, 20);
    const { userFactors, itemFactors } = await fitAls({
      ...data,
      factors: 4,
      // Strong enough that the two spare factors do not learn which item was left out.
      regularization: 10,
      alpha: 4,
      random: new Random(3),
    });
    const score = (u: number, i: number): number => {
      let s = 0;
      for (let f = 0; f < 4; f++) s += userFactors[u * 4 + f]! * itemFactors[i * 4 + f]!;
      return s;
    };
    for (let u = 0; u < 20; u++) {
      const held = 2 * (u % 10) + (u % 2);
      for (let i = 0; i < 20; i++) {
        if (i % 2 !== u % 2) expect(score(u, held)).toBeGreaterThan(score(u, i) + 0.3);
      }
    }
  });

  test("one seed gives one result, another seed another", async () => {
    const data = dataOf(randomRows(new Random(5), 30, 20), 20);
    const factorsOf = (seed: number): ReturnType<typeof fitAls> =>
      fitAls({ ...data, factors: 8, iterations: 3, regularization: 0.1, alpha: 3, random: new Random(seed) });
    expect(await factorsOf(1)).toEqual(await factorsOf(1));
    expect((await factorsOf(1)).itemFactors).not.toEqual((await factorsOf(2)).itemFactors);
  });

  test("users and items without entries are 0, also when nobody has any", async () => {
    const data = dataOf([[], [[1, 1]], []], 3);
    const options = { factors: 4, regularization: 0.1, alpha: 1, random: new Random(1) };
    const { userFactors, itemFactors } = await fitAls({ ...data, ...options });
    expect([...userFactors.subarray(0, 4), ...userFactors.subarray(8)]).toEqual(new Array(8).fill(0));
    expect([...itemFactors.subarray(0, 4), ...itemFactors.subarray(8)]).toEqual(new Array(8).fill(0));
    expect(userFactors.subarray(4, 8).some((value) => value !== 0)).toBe(true);
    const none = await fitAls({ ...dataOf([], 0), ...options });
    expect(none.userFactors.length + none.itemFactors.length).toBe(0);
  });

  test("reports each iteration and lets timers run between chunks", async () => {
    const data = dataOf(randomRows(new Random(6), 30, 20), 20);
    const iterations: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await fitAls({
      ...data,
      factors: 4,
      iterations: 50,
      regularization: 0.1,
      alpha: 1,
      random: new Random(1),
      onIteration: (iteration) => iterations.push(iteration),
    });
    clearInterval(timer);
    expect(iterations).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(turns).toBeGreaterThan(0);
  });

  test("refuses factors that SIMD cannot take and items outside the matrix", async () => {
    const data = dataOf([[[0, 1]]], 1);
    const options = { regularization: 1, alpha: 1, random: new Random(1) };
    await expect(fitAls({ ...data, ...options, factors: 6 })).rejects.toThrow(/multiple of 4.*came 6/);
    await expect(fitAls({ ...data, ...options, items: Int32Array.of(1), factors: 4 })).rejects.toThrow(
      /expected a column of 0 \.\. 0, came 1/,
    );
    await expect(fitAls({ ...data, ...options, users: 2, factors: 4 })).rejects.toThrow(/users \+ 1 = 3/);
  });
});

describe("alsFoldIn", () => {
  const factors = 16;
  const itemCount = 50;
  const random = new Random("fold-in");
  const itemFactors = Float32Array.from({ length: itemCount * factors }, () => random.normal() * 0.3);
  const options = { itemFactors, itemCount, factors, regularization: 0.2, alpha: 10 };

  test("gives the exact solution for any history, repeated items adding up", () => {
    const fold = alsFoldIn(options);
    const touch = fc.tuple(fc.nat(itemCount - 1), fc.float({ min: 0.125, max: 4, noNaN: true }));
    fc.assert(
      fc.property(fc.array(touch, { maxLength: 120 }), (touches) => {
        const data = dataOf([touches], itemCount);
        const out = new Float32Array(factors);
        const pairs = pairsOf(data, "user", 0);
        expect(fold.solve(data.items, data.weights, out)).toBe(pairs.size);
        const expected = exact(itemFactors, itemCount, factors, pairs, options.regularization, options.alpha);
        expect(largestGap(out, expected)).toBeLessThan(1e-4);
      }),
      { numRuns: 50 },
    );
  });

  test("skips items outside the model and gives 0 where nothing is left", () => {
    const fold = alsFoldIn(options);
    const inside = new Float32Array(factors);
    const mixed = new Float32Array(factors);
    fold.solve(Int32Array.of(3, 7), Float32Array.of(1, 2), inside);
    expect(fold.solve(Int32Array.of(3, 50, -1, 7), Float32Array.of(1, 9, 9, 2), mixed)).toBe(2);
    expect(mixed).toEqual(inside);
    expect(fold.solve(Int32Array.of(50), Float32Array.of(1), mixed)).toBe(0);
    expect(mixed).toEqual(new Float32Array(factors));
    expect(fold.solve(new Int32Array(0), new Float32Array(0), mixed)).toBe(0);
  });

  test("a user's vector is the one that the fit's equations give", async () => {
    const data = dataOf(randomRows(new Random(9), 40, 30), 30);
    const model = { regularization: 0.5, alpha: 4, factors: 8 };
    const { itemFactors, userFactors } = await fitAls({
      ...data,
      ...model,
      iterations: 60,
      cgSteps: 20,
      random: new Random(2),
    });
    const fold = alsFoldIn({ ...model, itemFactors, itemCount: 30 });
    const out = new Float32Array(8);
    for (let u = 0; u < data.users; u++) {
      const [from, to] = [data.offsets[u]!, data.offsets[u + 1]!];
      fold.solve(data.items.subarray(from, to), data.weights.subarray(from, to), out);
      // Not to the bit: the fit's user side answers the item side before the last.
      expect(largestGap(out, userFactors.subarray(u * 8, u * 8 + 8))).toBeLessThan(0.02);
    }
  });

  test("refuses a system without a solution", () => {
    const flat = { itemFactors: new Float32Array(8), itemCount: 2, factors: 4, regularization: 0, alpha: 1 };
    expect(() => alsFoldIn(flat).solve(Int32Array.of(0), Float32Array.of(1), new Float32Array(4))).toThrow(
      /not positive definite/,
    );
    expect(() => alsFoldIn({ ...options, itemCount: 49 })).toThrow(/expected 49 × 16 values, came 800/);
  });
});

describe("dotRows", () => {
  for (const k of [4, 8, 16, 36, 64]) {
    test(`equals plain dot products for rows of ${k}, in any order, repeated or outside`, () => {
      const random = new Random(k);
      const matrix = Float32Array.from({ length: 30 * k }, () => random.normal());
      const vector = Float32Array.from({ length: k }, () => random.normal());
      const scorer = dotRows(matrix, k);
      for (const rows of [
        [],
        [29],
        [0, 5, 5, 29, 30, -1, 3],
        Array.from({ length: 200 }, () => random.int(30)),
      ]) {
        const out = new Float32Array(rows.length + 1).fill(7);
        scorer.dot(Int32Array.from(rows), vector, out);
        const expected = rows.map((row) => {
          let s = 0;
          for (let f = 0; f < k; f++) s += (matrix[row * k + f] ?? 0) * vector[f]!;
          return row < 0 ? 0 : s;
        });
        expect(largestGap(out.subarray(0, rows.length), expected)).toBeLessThan(1e-4);
        expect(out[rows.length]).toBe(7);
      }
    });
  }

  test("refuses rows that SIMD cannot take", () => {
    expect(() => dotRows(new Float32Array(6), 3)).toThrow(/came k = 3/);
    expect(() => dotRows(new Float32Array(6), 4)).toThrow(/6 values/);
  });
});
