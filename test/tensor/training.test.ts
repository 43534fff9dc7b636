/** Training and serving end to end: known problems, a plain AdamW beside it, seeds, files and refusals. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const value = (data: ArrayLike<number>, ...dims: number[]): t.Value => ({
  data: Float32Array.from(data),
  dims,
});
const ints = (data: ArrayLike<number>, ...dims: number[]): t.Value => ({ data: Int32Array.from(data), dims });

function numbers(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal());
}

function gap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** Hidden layer, embedding, dropout and two heads: what the first ranker needs. */
function network(graph: t.Graph): { readonly click: t.Tensor; readonly watch: t.Tensor } {
  const x = graph.input("x", "float32", ["N", 6]);
  const kind = graph.input("kind", "int32", ["N"]);
  const kinds = graph.parameter("kinds", [5, 3], t.normal(0.3));
  const dense = (input: t.Tensor, name: string, from: number, to: number): t.Tensor =>
    t.add(
      t.matmul(input, graph.parameter(`${name}.weight`, [from, to], t.glorot)),
      graph.parameter(`${name}.bias`, [to], t.zeros),
    );
  const joined = t.concat([x, t.gather(kinds, kind)], 1);
  const scale = graph.parameter("norm.scale", [16], t.ones);
  const shift = graph.parameter("norm.bias", [16], t.zeros);
  const hidden = t.dropout(t.layerNorm(t.gelu(dense(joined, "hidden", 9, 16)), scale, shift), 0.1, 7);
  return {
    click: t.squeeze(dense(hidden, "click", 16, 1), 1),
    watch: t.squeeze(dense(hidden, "watch", 16, 1), 1),
  };
}

function networkLoss(graph: t.Graph): t.Tensor {
  const { click, watch } = network(graph);
  const clicked = graph.input("clicked", "float32", ["N"]);
  const watched = graph.input("watched", "float32", ["N"]);
  return t.add(
    t.mean(t.binaryCrossEntropy(click, clicked)),
    t.mul(0.5, t.mean(t.pow(t.sub(watch, watched), 2))),
  );
}

/** Clicks follow the sign of x₀ and the parity of the kind; watch time is linear. */
function networkBatch(random: Random, n: number): t.Feeds {
  const x = numbers(random, n * 6);
  const kind = Int32Array.from({ length: n }, () => random.int(5));
  return {
    x: value(x, n, 6),
    kind: ints(kind, n),
    clicked: value(
      Array.from(kind, (id, i) => (x[i * 6]! * (id % 2 === 0 ? 1 : -1) > 0 ? 1 : 0)),
      n,
    ),
    watched: value(
      Array.from(kind, (_, i) => 0.5 * x[i * 6 + 1]! - x[i * 6 + 2]!),
      n,
    ),
  };
}

async function trainNetwork(
  seed: number,
  steps: number,
  threads = 1,
): Promise<{ losses: number[]; weights: t.Weights }> {
  const graph = new t.Graph({ training: true });
  const training = await t.compileTraining({
    loss: networkLoss(graph),
    optimizer: t.adamW({ clipNorm: 1 }),
    random: new Random(seed),
    threads,
  });
  const random = new Random("batches");
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push((await training.step(networkBatch(random, 64), { learningRate: 0.01 })).loss);
  }
  const weights = training.weights();
  await training.close();
  return { losses, weights };
}

describe("training", () => {
  test("recovers a linear map", async () => {
    const random = new Random("linear");
    const map = numbers(random, 6);
    const graph = new t.Graph({ training: true });
    const x = graph.input("x", "float32", ["N", 3]);
    const y = graph.input("y", "float32", ["N", 2]);
    const w = graph.parameter("w", [3, 2], t.zeros);
    const b = graph.parameter("b", [2], t.zeros);
    const error = t.sub(t.add(t.matmul(x, w), b), y);
    const loss = t.mean(t.mul(error, error));
    const training = await t.compileTraining({ loss, optimizer: t.adamW({ weightDecay: 0 }), random });
    let last = Number.POSITIVE_INFINITY;
    for (let step = 0; step < 600; step++) {
      const rows = numbers(random, 96);
      const targets = Array.from({ length: 64 }, (_, n) => {
        const [row, column] = [Math.floor(n / 2), n % 2];
        let s = column;
        for (let i = 0; i < 3; i++) s += rows[row * 3 + i]! * map[i * 2 + column]!;
        return s;
      });
      const learningRate = 0.03 * (1 - step / 600);
      const result = await training.step(
        { x: value(rows, 32, 3), y: value(targets, 32, 2) },
        { learningRate },
      );
      last = result.loss;
    }
    expect(training.steps).toBe(600);
    expect(last).toBeLessThan(1e-5);
    expect(gap(training.weights()["w"]!, map)).toBeLessThan(2e-3);
    expect(gap(training.weights()["b"]!, [0, 1])).toBeLessThan(2e-3);
    await training.close();
  });

  test("a network with an embedding, layer norm, dropout and two heads learns", async () => {
    const { losses } = await trainNetwork(1, 300);
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.4 * mean(losses.slice(0, 5)));
  });

  for (const threads of [1, 2]) {
    test(`one seed gives one result to the bit with ${threads} threads, another seed another`, async () => {
      const first = await trainNetwork(1, 25, threads);
      expect(await trainNetwork(1, 25, threads)).toEqual(first);
      expect((await trainNetwork(2, 25, threads)).losses).not.toEqual(first.losses);
    });
  }

  test("AdamW with clipping and decay equals a plain one over 20 steps", async () => {
    const random = new Random("adamw");
    const [beta1, beta2, epsilon, clipNorm] = [0.8, 0.95, 0.05, 0.5];
    const decays: Readonly<Record<string, number>> = { w: 0.1, b: 0 };
    const graph = new t.Graph({ training: true });
    const w = graph.parameter("w", [2, 2], t.normal(1));
    const b = graph.parameter("b", [2], t.normal(1));
    // The gradient of Σ g w is g.
    const gw = graph.input("gw", "float32", [2, 2]);
    const gb = graph.input("gb", "float32", [2]);
    const training = await t.compileTraining({
      loss: t.add(t.sum(t.mul(gw, w)), t.sum(t.mul(gb, b))),
      optimizer: t.adamW({ beta1, beta2, epsilon, clipNorm, weightDecay: (name) => decays[name]! }),
      random,
    });
    const plain = Object.entries(training.weights()).map(([name, data]) => ({
      name,
      p: Array.from(data),
      m: Array.from(data, () => 0),
      v: Array.from(data, () => 0),
    }));
    for (let step = 1; step <= 20; step++) {
      // Large and small gradients, so that some steps clip and some do not.
      const size = step % 3 === 0 ? 0.01 : 3;
      const feeds = {
        gw: value(
          Array.from(numbers(random, 4), (g) => g * size),
          2,
          2,
        ),
        gb: value(
          Array.from(numbers(random, 2), (g) => g * size),
          2,
        ),
      };
      const learningRate = 0.1 / step;
      const { gradientNorm } = await training.step(feeds, { learningRate });
      const all = [...feeds.gw.data, ...feeds.gb.data].map(Number);
      const norm = Math.sqrt(all.reduce((s, g) => s + g * g, 0));
      expect(gradientNorm).toBeCloseTo(norm, 4);
      const scale = Math.min(1, clipNorm / (norm + 1e-6));
      for (const { name, p, m, v } of plain) {
        const gradient = name === "w" ? feeds.gw.data : feeds.gb.data;
        for (let i = 0; i < p.length; i++) {
          const g = Number(gradient[i]) * scale;
          m[i] = beta1 * m[i]! + (1 - beta1) * g;
          v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
          const unbiased = m[i]! / (1 - beta1 ** step);
          const spread = Math.sqrt(v[i]! / (1 - beta2 ** step));
          p[i] = p[i]! - learningRate * (unbiased / (spread + epsilon) + decays[name]! * p[i]!);
        }
      }
    }
    for (const { name, p } of plain) expect(gap(training.weights()[name]!, p)).toBeLessThan(1e-5);
    await training.close();
  });

  for (const size of ["N", 20_000]) {
    test(`rows read by many threads at once lose no gradient, ${size} of them`, async () => {
      const graph = new t.Graph();
      const table = graph.parameter("table", [10, 64], t.zeros);
      const ids = graph.input("ids", "int32", [size]);
      const [gradient] = t.gradients(t.sum(t.gather(table, ids)), [table]);
      const bytes = t.compileServing({ gradient: gradient! }, { table: new Float32Array(640) });
      const model = await t.loadModel(bytes, { threads: 4, spinning: true });
      const n = 20_000;
      for (let round = 0; round < 20; round++) {
        const result = await model.run({ ids: ints(new Int32Array(n).fill(3), n) });
        const rows = result["gradient"]!.data as Float32Array;
        expect(new Set(rows.subarray(3 * 64, 4 * 64))).toEqual(new Set([n]));
        expect(Number(rows[0])).toBe(0);
      }
      await model.close();
    });
  }

  test("metrics come back with each step, and weights can be put in", async () => {
    const graph = new t.Graph({ training: true });
    const w = graph.parameter("w", [2], t.values([3, 4]));
    const training = await t.compileTraining({
      loss: t.sum(t.mul(w, w)),
      metrics: { first: t.sum(t.slice(w, 0, 0, 1)) },
      optimizer: t.adamW({ weightDecay: 0 }),
      random: new Random(1),
    });
    const result = await training.step({}, { learningRate: 0.5 });
    expect(result).toMatchObject({ loss: 25, metrics: { first: 3 } });
    expect(result.gradientNorm).toBeCloseTo(10, 5);
    training.setWeights({ w: Float32Array.of(1, 1) });
    expect(training.weights()["w"]).toEqual(Float32Array.of(1, 1));
    expect((await training.step({}, { learningRate: 0 })).loss).toBe(2);
    expect(() => training.setWeights({ w: new Float32Array(3) })).toThrow(
      /expected 2 values for "w" \[2\], came 3/,
    );
    expect(() => training.setWeights({})).toThrow(/came none/);
    await training.close();
    await training.close();
    await expect(training.step({}, { learningRate: 1 })).rejects.toMatchObject({ code: "closed" });
  });

  test("a step with NaN is refused and leaves the weights as they were", async () => {
    const graph = new t.Graph({ training: true });
    const w = graph.parameter("w", [2], t.ones);
    const x = graph.input("x", "float32", [2]);
    const training = await t.compileTraining({
      loss: t.sum(t.mul(w, x)),
      optimizer: t.adamW(),
      random: new Random(1),
    });
    await training.step({ x: value([1, 2], 2) }, { learningRate: 0.1 });
    const before = training.weights();
    await expect(
      training.step({ x: value([1, Number.NaN], 2) }, { learningRate: 0.1 }),
    ).rejects.toMatchObject({
      code: "training_failed",
      message: expect.stringMatching(/step 2: expected a finite loss.*came loss NaN/),
    });
    expect(training.weights()).toEqual(before);
    expect(training.steps).toBe(1);
    const open = training.step({ x: value([1, 2], 2) }, { learningRate: 0.1 });
    await expect(training.step({ x: value([1, 2], 2) }, { learningRate: 0.1 })).rejects.toThrow(/awaited/);
    expect(() => training.setWeights(before)).toThrow(/setWeights: expected the step before to be awaited/);
    expect(() => training.restore(training.snapshot())).toThrow(/restore: expected the step before/);
    await open;
    await training.close();
  });

  test("a thousand steps do not grow the memory", async () => {
    const graph = new t.Graph({ training: true });
    const x = graph.input("x", "float32", ["N", 64]);
    const w = graph.parameter("w", [64, 256], t.glorot);
    const out = graph.parameter("out", [256, 64], t.glorot);
    const error = t.sub(t.matmul(t.relu(t.matmul(x, w)), out), x);
    const training = await t.compileTraining({
      loss: t.mean(t.mul(error, error)),
      optimizer: t.adamW(),
      random: new Random(1),
    });
    const feeds = { x: value(numbers(new Random(2), 8 * 64), 8, 64) };
    for (let i = 0; i < 200; i++) await training.step(feeds, { learningRate: 1e-3 });
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 1000; i++) await training.step(feeds, { learningRate: 1e-3 });
    // A leak of the weights alone would be 1000 × 128 KiB.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
    await training.close();
  });
});

describe("serving", () => {
  test("the file computes what the training graph computed, without dropout and labels, in any batch", async () => {
    const { weights } = await trainNetwork(3, 50);
    const { click, watch } = network(new t.Graph());
    const bytes = t.compileServing({ click, watch }, weights);
    expect(t.compileServing({ click, watch }, weights)).toEqual(bytes);
    const model = await t.loadModel(bytes);
    expect([...model.inputNames].sort()).toEqual(["kind", "x"]);
    expect(model.outputNames).toEqual(["click", "watch"]);

    // The loss of a training graph without dropout, and from the served outputs.
    const graph = new t.Graph();
    const reference = await t.loadModel(t.compileServing({ total: networkLoss(graph) }, weights));
    const batch = networkBatch(new Random(4), 33);
    const total = Number((await reference.run(batch))["total"]!.data[0]);
    const served = await model.run({ x: batch["x"]!, kind: batch["kind"]! });
    expect(served["click"]!.dims).toEqual([33]);
    let sum = 0;
    for (let i = 0; i < 33; i++) {
      const logit = Number(served["click"]!.data[i]);
      const error = Number(served["watch"]!.data[i]) - Number(batch["watched"]!.data[i]);
      sum += Math.log1p(Math.exp(logit)) - Number(batch["clicked"]!.data[i]) * logit + 0.5 * error * error;
    }
    expect(total).toBeCloseTo(sum / 33, 4);

    const one = await model.run({
      x: { data: batch["x"]!.data.slice(0, 6), dims: [1, 6] },
      kind: { data: batch["kind"]!.data.slice(0, 1), dims: [1] },
    });
    expect(Number(one["click"]!.data[0])).toBeCloseTo(Number(served["click"]!.data[0]), 5);
    const none = await model.run({ x: value([], 0, 6), kind: ints([], 0) });
    expect(none["click"]!.dims).toEqual([0]);
    await model.close();
    await reference.close();
  });

  test("takes bool and int64 inputs and gives bool outputs", async () => {
    const graph = new t.Graph();
    const keep = graph.input("keep", "bool", ["N"]);
    const id = graph.input("id", "int64", ["N"]);
    const both = t.and(keep, t.greater(t.cast(id, "float32"), 1));
    const model = await t.loadModel(t.compileServing({ both, id2: t.cast(both, "int64") }, {}));
    const result = await model.run({
      keep: { data: Uint8Array.of(1, 1, 0), dims: [3] },
      id: { data: BigInt64Array.of(1n, 2n, 3n), dims: [3] },
    });
    expect(result["both"]).toEqual({ data: Uint8Array.of(0, 1, 0), dims: [3] });
    expect(result["id2"]).toEqual({ data: BigInt64Array.of(0n, 1n, 0n), dims: [3] });
    await model.close();
  });

  test("compares and negates", async () => {
    const graph = new t.Graph();
    const x = graph.input("x", "int32", ["N"]);
    const y = graph.input("y", "int32", ["N"]);
    const outputs = {
      same: t.equal(x, y),
      atLeast: t.greaterOrEqual(x, y),
      below: t.not(t.greaterOrEqual(x, y)),
    };
    const model = await t.loadModel(t.compileServing(outputs, {}));
    const { same, atLeast, below } = await model.run({ x: ints([1, 2, 3], 3), y: ints([2, 2, 2], 3) });
    expect(same!.data).toEqual(Uint8Array.of(0, 1, 0));
    expect(atLeast!.data).toEqual(Uint8Array.of(0, 1, 1));
    expect(below!.data).toEqual(Uint8Array.of(1, 0, 0));
    await model.close();
  });

  test("refuses feeds that do not fit, and says what it expected", async () => {
    const graph = new t.Graph();
    const x = graph.input("x", "float32", ["N", 2]);
    const y = graph.input("y", "float32", ["N", 1]);
    const model = await t.loadModel(t.compileServing({ z: t.add(x, y) }, {}));
    const good = { x: value([1, 2], 1, 2), y: value([1], 1, 1) };
    expect((await model.run(good))["z"]!.data).toEqual(Float32Array.of(2, 3));
    const refused: readonly (readonly [t.Feeds, RegExp])[] = [
      [{ x: good.x }, /"y": expected float32 \[N, 1\], came nothing/],
      [{ ...good, w: good.x }, /"w": expected the inputs "x", "y", came another name/],
      [{ ...good, x: value([1, 2, 3], 1, 3) }, /"x": expected float32 \[N, 2\], came Float32Array \[1, 3\]/],
      [{ ...good, x: value([1, 2], 2) }, /came Float32Array \[2\]/],
      [{ ...good, x: value([1], 1, 2) }, /\[1, 2\] of 1 values/],
      [{ ...good, x: ints([1, 2], 1, 2) }, /came Int32Array/],
      [{ ...good, y: value([1, 2], 2, 1) }, /"y": expected float32 \[N, 1\], came Float32Array \[2, 1\]/],
    ];
    for (const [feeds, message] of refused) await expect(model.run(feeds)).rejects.toThrow(message);
    await model.close();
    await model.close();
    await expect(model.run(good)).rejects.toMatchObject({ code: "closed" });
  });

  test("refuses bytes that are no model", async () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      await expect(t.loadModel(bytes)).rejects.toMatchObject({ code: "bundle_corrupt" });
    }
    const graph = new t.Graph();
    const whole = t.compileServing({ y: t.neg(graph.input("x", "float32", [2])) }, {});
    await expect(t.loadModel(whole.subarray(0, whole.length - 20))).rejects.toMatchObject({
      code: "bundle_corrupt",
    });
  });
});
