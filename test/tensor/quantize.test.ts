/** Products in 8 bits against the same ones in float32. */
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  add,
  calibrate,
  clip,
  compileServing,
  type Feeds,
  Graph,
  loadModel,
  matmul,
  type Outputs,
  type Ranges,
  reshape,
  type Tensor,
  type Weights,
  zeros,
} from "../../src/tensor/index.ts";

const K = 80;
const N = 64;

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function runs(outputs: Outputs, weights: Weights, int8?: Ranges) {
  const model = await loadModel(compileServing(outputs, weights, int8 ? { int8 } : {}));
  opened.push(model);
  return async (feeds: Feeds): Promise<Readonly<Record<string, number[]>>> =>
    Object.fromEntries(
      Object.entries(await model.run(feeds)).map(([name, { data }]) => [name, Array.from(data, Number)]),
    );
}

const random = new Random("quantize");
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
const feedOf = (data: Float32Array): Feeds => ({ x: { data, dims: [data.length / K, K] } });

/** y = x W + b, for x (rows, K). */
function layer(weights: Float32Array = numbers(K * N), before: (x: Tensor) => Tensor = (x) => x) {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["rows", K]);
  const product = matmul(before(x), graph.parameter("w", [K, N], zeros));
  const y = add(product, graph.parameter("b", [N], zeros));
  return { graph, product, y, weights: { w: weights, b: numbers(N) } };
}

describe("a product in 8 bits", () => {
  it("is as close to the float32 one as its steps allow, and smaller", async () => {
    const { y, weights } = layer();
    const rows = feedOf(numbers(50 * K));
    const ranges = await calibrate({ y }, weights, [rows]);
    const { low, high } = [...ranges.values()][0]!;
    const exact = (await (await runs({ y }, weights))(rows))["y"]!;
    const found = (await (await runs({ y }, weights, ranges))(rows))["y"]!;
    const x = rows["x"]!.data as Float32Array;
    exact.forEach((value, i) => {
      const [row, column] = [Math.floor(i / N), i % N];
      const own = Array.from({ length: K }, (_, k) => weights.w[k * N + column]!);
      const weightStep = Math.max(...own.map(Math.abs)) / 63;
      const step = (high - low) / 255;
      // Half a step of each factor, times the other one.
      const bound = own.reduce(
        (sum, weight, k) =>
          sum + (step / 2) * Math.abs(weight) + (weightStep / 2) * (Math.abs(x[row * K + k]!) + step / 2),
        1e-4,
      );
      expect(Math.abs(found[i]! - value)).toBeLessThan(bound);
    });
    const errors = exact.map((value, i) => (found[i]! - value) ** 2);
    const size = exact.reduce((sum, value) => sum + value ** 2, 0);
    expect(errors.reduce((sum, error) => sum + error, 0) / size).toBeLessThan(1e-3);
    const [big, small] = [compileServing({ y }, weights), compileServing({ y }, weights, { int8: ranges })];
    expect(small.length).toBeLessThan(big.length * 0.4);
  });

  it("of a row does not depend on the rows beside it, to the bit", async () => {
    const { y, weights } = layer();
    const rows = numbers(9 * K);
    const run = await runs({ y }, weights, await calibrate({ y }, weights, [feedOf(rows)]));
    // Another row may be far beyond everything that was seen.
    const far = Float32Array.from([...rows.subarray(0, K), ...new Float32Array(K).fill(1e4)]);
    const all = (await run(feedOf(rows)))["y"]!;
    expect((await run(feedOf(rows.slice(0, K))))["y"]).toEqual(all.slice(0, N));
    expect((await run(feedOf(far)))["y"]!.slice(0, N)).toEqual(all.slice(0, N));
  });

  it("cuts what is beyond the range of the samples", async () => {
    const ones = new Float32Array(K * N).fill(1);
    const { y, weights } = layer(ones);
    const ranges = await calibrate({ y }, weights, [feedOf(new Float32Array(K).fill(2))]);
    expect([...ranges.values()]).toEqual([{ low: 2, high: 2 }]);
    const run = await runs({ y }, weights, ranges);
    const of = async (value: number): Promise<number> =>
      (await run(feedOf(new Float32Array(K).fill(value))))["y"]![0]! - weights.b[0]!;
    expect(await of(2)).toBeCloseTo(2 * K, 2);
    expect(await of(1)).toBeCloseTo(K, 0);
    expect(await of(1000)).toBeCloseTo(2 * K, 2);
    expect(await of(-1000)).toBeCloseTo(0, 2);
  });

  it("clips what was to be clipped before it", async () => {
    const { y, weights } = layer(new Float32Array(K * N).fill(1), (x) => clip(x, 0, 1));
    const ranges = await calibrate({ y }, weights, [feedOf(numbers(9 * K))]);
    const run = await runs({ y }, weights, ranges);
    const found = (await run(feedOf(Float32Array.from({ length: K }, (_, k) => (k < 8 ? 5 : -5)))))["y"]!;
    expect(found[3]! - weights.b[3]!).toBeCloseTo(8, 2);
  });

  it("is what others read too, with the bias beside it", async () => {
    const { product, y, weights } = layer();
    const rows = feedOf(numbers(3 * K));
    const outputs = { y, product: reshape(product, ["rows", N]), again: add(product, y) };
    const run = await runs(outputs, weights, await calibrate(outputs, weights, [rows]));
    const found = await run(rows);
    found["y"]!.forEach((value, i) => {
      expect(value - found["product"]![i]!).toBeCloseTo(weights.b[i % N]!, 4);
      expect(found["again"]![i]!).toBeCloseTo(value + found["product"]![i]!, 4);
    });
  });

  it("of a column without weights is 0", async () => {
    const { y, weights } = layer(new Float32Array(K * N));
    const rows = feedOf(numbers(2 * K));
    const run = await runs({ y }, weights, await calibrate({ y }, weights, [rows]));
    expect((await run(rows))["y"]).toEqual([...weights.b, ...weights.b]);
  });
});

describe("what stays float32", () => {
  it("is a small matrix, and one that was not calibrated", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["rows", K]);
    const y = matmul(x, graph.parameter("w", [K, 4], zeros));
    const weights = { w: numbers(K * 4) };
    const ranges = await calibrate({ y }, weights, [feedOf(numbers(K))]);
    expect(ranges.size).toBe(0);
    expect(compileServing({ y }, weights, { int8: ranges })).toEqual(compileServing({ y }, weights));
    const big = layer();
    expect(compileServing({ y: big.y }, big.weights, { int8: new Map() })).toEqual(
      compileServing({ y: big.y }, big.weights),
    );
  });

  it("calibrates with samples of more inputs than the products depend on, and refuses none", async () => {
    const { y, weights } = layer();
    const rows = feedOf(numbers(K));
    const more = { ...rows, other: { data: Float32Array.of(1), dims: [1] } };
    expect((await calibrate({ y }, weights, [more])).size).toBe(1);
    await expect(calibrate({ y }, weights, [])).rejects.toThrow("expected outputs and samples, came none");
  });
});
