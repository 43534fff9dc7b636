/** Tables whose rows are sampled: beside dense updates, beside a plain lazy AdamW, and what is refused. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const V = 12;
const D = 4;

const ids = (rows: readonly number[]): t.Value => ({
  data: BigInt64Array.from(rows, BigInt),
  dims: [rows.length],
});

function gap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** An item table with a bias, read by unique rows, which positions of a batch share; and a weight that is whole. */
function model(dtype: "int32" | "int64" = "int64"): { loss: t.Tensor; sampledRows: t.SampledRows[] } {
  const graph = new t.Graph({ training: true });
  const used = graph.input("used", dtype, ["U"]);
  const at = graph.input("at", "int32", ["N"]);
  const targets = graph.input("targets", "float32", ["N"]);
  const table = graph.parameter("items", [V, D], t.normal(1));
  const biases = graph.parameter("biases", [V], t.normal(1));
  const weight = graph.parameter("weight", [D, 1], t.normal(1));
  const rows = t.gather(table, used);
  const rowBiases = t.gather(biases, used);
  const scores = t.add(t.squeeze(t.matmul(t.gather(rows, at), weight), 1), t.gather(rowBiases, at));
  const error = t.sub(scores, targets);
  return {
    loss: t.mean(t.mul(error, error)),
    sampledRows: [
      { table, ids: used, rows },
      { table: biases, ids: used, rows: rowBiases },
    ],
  };
}

/** Some of the rows, in any order, each read by two positions. */
function batch(random: Random, all = false): t.Feeds & { readonly used: t.Value } {
  const rows = random.shuffle(Array.from({ length: V }, (_, i) => i)).slice(0, all ? V : 5);
  const at = [...rows.keys(), ...rows.keys()];
  return {
    used: ids(rows),
    at: { data: Int32Array.from(at), dims: [at.length] },
    targets: { data: Float32Array.from(at, () => random.normal()), dims: [at.length] },
  };
}

async function open(sampled: boolean, options: Partial<t.TrainingOptions> = {}): Promise<t.Training> {
  const { loss, sampledRows } = model();
  return t.compileTraining({
    loss,
    optimizer: t.adamW({ clipNorm: 1, weightDecay: 0.1 }),
    random: new Random("sampled"),
    ...(sampled && { sampledRows }),
    ...options,
  });
}

describe("sampled rows", () => {
  for (const threads of [1, 2]) {
    test(`steps that use every row equal dense steps, with ${threads} threads`, async () => {
      const [sampled, dense] = [await open(true, { threads }), await open(false, { threads })];
      const random = new Random("batches");
      for (let i = 0; i < 10; i++) {
        const feeds = batch(random, true);
        const result = await sampled.step(feeds, { learningRate: 0.05 });
        const expected = await dense.step(feeds, { learningRate: 0.05 });
        expect(result.loss).toBeCloseTo(expected.loss, 5);
        expect(result.gradientNorm).toBeCloseTo(expected.gradientNorm, 5);
      }
      const [found, expected] = [sampled.weights(), dense.weights()];
      for (const name of ["items", "biases", "weight"]) {
        expect(gap(found[name]!, expected[name]!)).toBeLessThan(1e-5);
      }
      await sampled.close();
      await dense.close();
    });
  }

  test("a step changes the rows it uses and no other number of the tables", async () => {
    const training = await open(true);
    const random = new Random("batches");
    for (let i = 0; i < 10; i++) {
      const before = training.weights();
      const feeds = batch(random);
      await training.step(feeds, { learningRate: 0.05 });
      const after = training.weights();
      const used = new Set(Array.from(feeds.used.data, Number));
      for (let row = 0; row < V; row++) {
        const of = (weights: t.Weights): Float32Array =>
          Float32Array.of(...weights["items"]!.subarray(row * D, row * D + D), weights["biases"]![row]!);
        if (used.has(row)) expect(of(after)).not.toEqual(of(before));
        else expect(of(after)).toEqual(of(before));
      }
    }
    await training.close();
  });

  test("is a lazy AdamW: moments and decay of used rows alone, bias correction by all steps", async () => {
    const [beta1, beta2, epsilon, decay] = [0.8, 0.95, 0.05, 0.1];
    const graph = new t.Graph({ training: true });
    const used = graph.input("used", "int64", ["U"]);
    const slope = graph.input("slope", "float32", ["U", 2]);
    const table = graph.parameter("items", [6, 2], t.normal(1));
    const rows = t.gather(table, used);
    const training = await t.compileTraining({
      loss: t.sum(t.mul(rows, slope)),
      optimizer: t.adamW({ beta1, beta2, epsilon, weightDecay: decay }),
      sampledRows: [{ table, ids: used, rows }],
      random: new Random("lazy"),
    });
    const p = Array.from(training.weights()["items"]!);
    const [m, v] = [p.map(() => 0), p.map(() => 0)];
    const random = new Random("slopes");
    for (let step = 1; step <= 30; step++) {
      const chosen = random.shuffle([0, 1, 2, 3, 4, 5]).slice(0, 2);
      const slopes = chosen.flatMap(() => [random.normal(), random.normal()]);
      const feeds = { used: ids(chosen), slope: { data: Float32Array.from(slopes), dims: [2, 2] } };
      const learningRate = 0.1 / step;
      await training.step(feeds, { learningRate });
      chosen.forEach((row, k) => {
        for (let c = 0; c < 2; c++) {
          const [i, g] = [row * 2 + c, slopes[k * 2 + c]!];
          m[i] = beta1 * m[i]! + (1 - beta1) * g;
          v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
          const [unbiased, spread] = [m[i]! / (1 - beta1 ** step), Math.sqrt(v[i]! / (1 - beta2 ** step))];
          p[i] = p[i]! - learningRate * (unbiased / (spread + epsilon) + decay * p[i]!);
        }
      });
    }
    expect(gap(training.weights()["items"]!, p)).toBeLessThan(1e-5);
    await training.close();
  });

  test("takes int32 ids, another number of them each step, and none", async () => {
    const { loss, sampledRows } = model("int32");
    const training = await t.compileTraining({
      loss,
      optimizer: t.adamW(),
      random: new Random(1),
      sampledRows,
    });
    const feeds = (...rows: number[]): t.Feeds => ({
      used: { data: Int32Array.from(rows), dims: [rows.length] },
      at: { data: Int32Array.from(rows.keys()), dims: [rows.length] },
      targets: { data: new Float32Array(rows.length), dims: [rows.length] },
    });
    for (const rows of [[3, 1], [11], [0, 5, 4, 2]])
      await training.step(feeds(...rows), { learningRate: 0.1 });
    const before = training.weights()["items"];
    await training.step(feeds(), { learningRate: 0.1 });
    expect(training.weights()["items"]).toEqual(before);
    await training.close();
  });

  test("a step with NaN is refused and leaves the rows as they were", async () => {
    const training = await open(true);
    const before = training.weights();
    const feeds = batch(new Random("batches"));
    const targets = { data: new Float32Array(10).fill(Number.NaN), dims: [10] };
    await expect(training.step({ ...feeds, targets }, { learningRate: 0.1 })).rejects.toMatchObject({
      code: "training_failed",
    });
    expect(training.weights()).toEqual(before);
    await training.close();
  });

  test("refuses rows that come twice or are not in the table, before anything is changed", async () => {
    const training = await open(true);
    const before = training.weights();
    const feeds = batch(new Random("batches"));
    for (const [rows, message] of [
      [[3, 1, 2, 1, 0], /"used": expected rows of 0 .. 11, each once, came 1 twice/],
      [[3, 1, 2, 12, 0], /came 12$/],
      [[3, 1, 2, -1, 0], /came -1$/],
      [[3, 1, 2, 2 ** 32, 0], /came 4294967296$/],
    ] as const) {
      const step = training.step({ ...feeds, used: ids(rows) }, { learningRate: 0.1 });
      await expect(step).rejects.toThrow(message);
    }
    expect(training.weights()).toEqual(before);
    await training.step(feeds, { learningRate: 0.1 });
    await training.close();
  });

  test("refuses a table that something else reads, and ids that are no input", async () => {
    const compiled = (
      change: (graph: t.Graph, table: t.Tensor, rows: t.Tensor) => Partial<t.SampledRows>,
    ) => {
      const graph = new t.Graph({ training: true });
      const used = graph.input("used", "int64", ["U"]);
      const table = graph.parameter("items", [V, D], t.zeros);
      const rows = t.gather(table, used);
      const sampled = { table, ids: used, rows, ...change(graph, table, rows) };
      const loss = t.sum(rows);
      return t.compileTraining({
        loss,
        optimizer: t.adamW(),
        random: new Random(1),
        sampledRows: [sampled],
      });
    };
    const read = compiled((_, table) => {
      t.sum(table);
      return {};
    });
    await expect(read).rejects.toThrow(/expected "items" to be read once, by gather\(table, ids\), came 2/);
    const doubled = compiled((_, __, rows) => ({ rows: t.mul(rows, 2) }));
    await expect(doubled).rejects.toThrow(/to be read once, by gather/);
    const computed = compiled((graph) => ({ ids: t.cast(graph.input("x", "float32", ["U"]), "int64") }));
    await expect(computed).rejects.toThrow(/expected a graph input of shape \[U\] as ids/);
    const another = compiled((graph) => ({ table: graph.input("y", "float32", [V, D]) }));
    await expect(another).rejects.toThrow(/expected a parameter as table, came "y"/);
  });
});
