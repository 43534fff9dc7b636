/** Moving averages beside plain ones, of whole parameters and of rows that were not used for long. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const V = 7;

/** A whole parameter and a table of which a step uses some rows, with slopes from outside. */
async function open(decay?: number): Promise<t.Training> {
  const graph = new t.Graph({ training: true });
  const used = graph.input("used", "int64", ["U"]);
  const slope = graph.input("slope", "float32", [3]);
  const table = graph.parameter("items", [V, 3], t.normal(1));
  const whole = graph.parameter("whole", [3], t.normal(1));
  const rows = t.gather(table, used);
  return t.compileTraining({
    loss: t.add(t.sum(t.mul(rows, slope)), t.sum(t.mul(whole, slope))),
    optimizer: t.adamW(),
    random: new Random("averages"),
    sampledRows: [{ table, ids: used, rows }],
    ...(decay !== undefined && { averaging: { decay } }),
  });
}

function feeds(random: Random): t.Feeds {
  // The last row is never used.
  const rows = random.shuffle([0, 1, 2, 3, 4, 5]).slice(0, 1 + random.int(2));
  return {
    used: { data: BigInt64Array.from(rows, BigInt), dims: [rows.length] },
    slope: { data: Float32Array.from([0, 1, 2], () => random.normal()), dims: [3] },
  };
}

function gap(a: Float32Array, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

describe("averaging", () => {
  for (const decay of [0.05, 0.9, 0.999]) {
    test(`equals the plain average of every step's weights with decay ${decay}`, async () => {
      const training = await open(decay);
      const averages: t.Weights = training.weights();
      expect(training.averagedWeights()).toEqual(averages);
      const random = new Random("feeds");
      for (let step = 1; step <= 120; step++) {
        await training.step(feeds(random), { learningRate: 0.1 });
        const kept = Math.min(decay, (1 + step) / (10 + step));
        const weights = training.weights();
        for (const [name, average] of Object.entries(averages)) {
          average.forEach((value, i) => {
            average[i] = kept * value + (1 - kept) * weights[name]![i]!;
          });
        }
        if (step % 40 !== 0) continue;
        const found = training.averagedWeights();
        for (const name of ["items", "whole"]) expect(gap(found[name]!, averages[name]!)).toBeLessThan(1e-5);
        expect(gap(found["whole"]!, weights["whole"]!)).toBeGreaterThan(1e-3);
      }
      await training.close();
    });
  }

  test("changes no weight", async () => {
    const [averaged, plain] = [await open(0.9), await open()];
    const [first, second] = [new Random("feeds"), new Random("feeds")];
    for (let step = 0; step < 10; step++) {
      await averaged.step(feeds(first), { learningRate: 0.1 });
      await plain.step(feeds(second), { learningRate: 0.1 });
    }
    expect(averaged.weights()).toEqual(plain.weights());
    expect(() => plain.averagedWeights()).toThrow(/expected a training with averaging/);
    await averaged.close();
    await plain.close();
  });

  test("starts again from weights that are put in", async () => {
    const training = await open(0.9);
    const random = new Random("feeds");
    for (let step = 0; step < 5; step++) await training.step(feeds(random), { learningRate: 0.1 });
    const weights = { items: new Float32Array(V * 3).fill(2), whole: Float32Array.of(1, 2, 3) };
    training.setWeights(weights);
    expect(training.averagedWeights()).toEqual(weights);
    await training.step(feeds(random), { learningRate: 0 });
    expect(training.averagedWeights()).toEqual(weights);
    await training.close();
  });

  test("refuses a decay that is none", async () => {
    for (const decay of [0, 1, -0.5, 2, Number.NaN]) {
      await expect(open(decay)).rejects.toThrow(/expected a decay between 0 and 1/);
    }
  });
});
