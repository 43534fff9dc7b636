/** Steps in parts, on one thread and on several: the same numbers as in one piece, and failures that are told. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const ITEMS = 30;
const WIDTH = 4;
const ROWS = 12;

interface Options {
  readonly workers?: number;
  readonly dropout?: number;
  readonly sampled?: boolean;
}

/** Predicts a number from the sum of two items' vectors: (N) pairs, a weighted mean of squared errors. */
function open({ workers, dropout = 0, sampled = false }: Options): Promise<t.Training> {
  const graph = new t.Graph({ training: true });
  const table = graph.parameter("items", [ITEMS, WIDTH], t.normal(0.5));
  const rows = sampled ? graph.input("rows", "int32", ["U"]) : undefined;
  const vectors = rows ? t.gather(table, rows) : table;
  const pairs = t.gather(vectors, graph.input("pairs", "int32", ["N", 2]));
  const hidden = t.dropout(t.silu(t.sum(pairs, [1])), dropout, 1);
  const scores = t.squeeze(t.matmul(hidden, graph.parameter("out", [WIDTH, 1], t.glorot)), 1);
  const errors = t.pow(t.sub(scores, graph.input("wanted", "float32", ["N"])), 2);
  return t.compileTraining({
    loss: t.weightedMean(errors, graph.input("counts", "float32", ["N"])),
    metrics: { score: t.mean(scores) },
    optimizer: t.adamW({ clipNorm: 1 }),
    random: new Random("parts"),
    ...(workers !== undefined && { workers }),
    ...(rows && { sampledRows: [{ table, ids: rows, rows: vectors }] }),
  });
}

/** A batch of `ROWS` in parts of the given sizes, which need not be equal. */
function parts(sizes: readonly number[], step: number, rows?: t.Value): t.Part[] {
  const random = new Random(`batch ${step}`);
  const pairs = Int32Array.from({ length: 2 * ROWS }, () => random.int(ITEMS));
  const wanted = Float32Array.from({ length: ROWS }, () => random.normal());
  let from = 0;
  return sizes.map((size) => {
    const to = from + size;
    const feeds: t.Feeds = {
      pairs: { data: pairs.subarray(2 * from, 2 * to), dims: [size, 2] },
      wanted: { data: wanted.subarray(from, to), dims: [size] },
      counts: { data: new Float32Array(size).fill(1), dims: [size] },
      ...(rows && { rows }),
    };
    from = to;
    return { feeds, share: size / ROWS };
  });
}

async function train(options: Options, sizes: readonly number[], steps = 5, rows?: t.Value) {
  const training = await open(options);
  const results: t.StepResult[] = [];
  for (let step = 0; step < steps; step++) {
    results.push(await training.step(parts(sizes, step, rows), { learningRate: 0.05 }));
  }
  const weights = training.weights();
  await training.close();
  return { results, weights };
}

type Trained = Awaited<ReturnType<typeof train>>;

function expectClose(a: Trained, b: Trained): void {
  a.results.forEach(({ loss, gradientNorm, metrics }, i) => {
    expect(loss).toBeCloseTo(b.results[i]!.loss, 5);
    expect(gradientNorm).toBeCloseTo(b.results[i]!.gradientNorm, 5);
    expect(metrics["score"]).toBeCloseTo(b.results[i]!.metrics["score"]!, 5);
  });
  for (const [name, values] of Object.entries(a.weights)) {
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(b.weights[name]![i]!, 4);
    });
  }
}

describe("a step in parts", () => {
  for (const workers of [1, 2, 3]) {
    test(`equals the step in one piece, with ${workers} workers`, async () => {
      const whole = await train({}, [ROWS]);
      for (const sizes of [[ROWS], [6, 6], [1, 7, 4], [3, 3, 3, 3], [2, 2, 2, 2, 2, 2]]) {
        expectClose(await train({ workers }, sizes), whole);
      }
    });
  }

  test("of which one has no share is the step without it", async () => {
    const training = await open({ workers: 2 });
    const other = await open({});
    const [first, second] = parts([6, 6], 0);
    const step = [
      { ...first!, share: 1 },
      { ...second!, share: 0 },
    ];
    const result = await training.step(step, { learningRate: 0.1 });
    const alone = await other.step(first!.feeds, { learningRate: 0.1 });
    expect(result.loss).toBeCloseTo(alone.loss, 6);
    expect(result.gradientNorm).toBeCloseTo(alone.gradientNorm, 6);
    await training.close();
    await other.close();
  });

  test("gives the same bits with one seed, and drops other places in each part", async () => {
    const options = { workers: 2, dropout: 0.5 };
    const first = await train(options, [3, 3, 3, 3]);
    expect(await train(options, [3, 3, 3, 3])).toEqual(first);
    const training = await open({ dropout: 0.5 });
    const [part] = parts([6, 6], 0);
    const twice = await training.step([part!, part!], { learningRate: 0.1 });
    await training.close();
    const again = await open({ dropout: 0.5 });
    const once = await again.step(part!.feeds, { learningRate: 0.1 });
    await again.close();
    expect(twice.loss).not.toBeCloseTo(once.loss, 4);
  });

  test("reads the rows of a table that all parts name", async () => {
    const rows = { data: Int32Array.from({ length: ITEMS }, (_, i) => i), dims: [ITEMS] };
    const whole = await train({ sampled: true }, [ROWS], 3, rows);
    expectClose(await train({ sampled: true, workers: 2 }, [4, 4, 4], 3, rows), whole);
  });

  test("is refused where parts name rows of their own, or there is no part", async () => {
    const training = await open({ sampled: true });
    const own = () => ({ data: Int32Array.from({ length: ITEMS }, (_, i) => i), dims: [ITEMS] });
    const step = parts([6, 6], 0).map(({ feeds, share }) => ({ feeds: { ...feeds, rows: own() }, share }));
    await expect(training.step(step, { learningRate: 0.1 })).rejects.toThrow('one array of "rows"');
    await expect(training.step([], { learningRate: 0.1 })).rejects.toThrow("one part at least");
    await training.close();
  });

  test("fails with what a thread says, and leaves weights from before and a training that goes on", async () => {
    const training = await open({ workers: 2 });
    const before = training.weights();
    const [good, bad] = parts([6, 6], 0);
    const outside = { data: new Int32Array(12).fill(ITEMS), dims: [6, 2] };
    const step = [good!, { ...bad!, feeds: { ...bad!.feeds, pairs: outside } }];
    await expect(training.step(step, { learningRate: 0.1 })).rejects.toThrow(
      "a thread of a training step has failed",
    );
    expect(training.weights()).toEqual(before);
    expect((await training.step([good!, bad!], { learningRate: 0.1 })).loss).toBeGreaterThan(0);
    expect(training.steps).toBe(1);
    await training.close();
    await training.close();
  });
});
