/** Dropout: what it drops, and that what it drops follows from seed, step and place. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

describe("dropout", () => {
  /** What dropout at two places makes of ones, and its gradients. */
  async function dropped(shape: t.Shape, dims: readonly number[], key: bigint): Promise<Float32Array[]> {
    const graph = new t.Graph({ training: true });
    const x = graph.input("x", "float32", shape);
    const [first, second] = [t.dropout(x, 0.25, 1), t.dropout(x, 0.25, 2)];
    const [gradient] = t.gradients(t.sum(t.mul(3, first)), [x]);
    const model = await t.loadModel(t.compileServing({ first, second, gradient: gradient! }, {}));
    const size = dims.reduce((a, b) => a * b, 1);
    const out = await model.run({
      x: { data: new Float32Array(size).fill(1), dims },
      "dropout.key": { data: BigInt64Array.of(key), dims: [] },
    });
    await model.close();
    return ["first", "second", "gradient"].map((name) => out[name]!.data as Float32Array);
  }

  const share = (mask: Float32Array): number => mask.filter((value) => value === 0).length / mask.length;

  for (const [name, shape, dims] of [
    ["rows of a known width", ["B", "L", 48], [20, 30, 48]],
    ["a matrix of known size", [600, 48], [600, 48]],
    ["an unknown width", ["B", 2, "L", "L"], [11, 2, 37, 37]],
    ["one unknown axis", ["N"], [20_001]],
  ] as const) {
    test(`of ${name} keeps the mean and drops its share, and the gradient has the same mask`, async () => {
      const [first, second, gradient] = await dropped(shape, dims, 12n);
      for (const mask of [first!, second!]) {
        expect(share(mask)).toBeGreaterThan(0.24);
        expect(share(mask)).toBeLessThan(0.26);
        expect(new Set(mask)).toEqual(new Set([0, Math.fround(4 / 3)]));
      }
      expect(gradient).toEqual(first!.map((value) => 3 * value));
      // Places are independent: both drop what is the product of their shares.
      const both = first!.map((value, i) => value + second![i]!);
      expect(share(both)).toBeGreaterThan(0.0625 - 0.01);
      expect(share(both)).toBeLessThan(0.0625 + 0.01);
    });
  }

  test("is a function of the key, in each row its own", async () => {
    const [first] = await dropped(["N", 48], [600, 48], 12n);
    expect((await dropped(["N", 48], [600, 48], 12n))[0]).toEqual(first);
    expect((await dropped([600, 48], [600, 48], 12n))[0]).toEqual(first);
    const [other] = await dropped(["N", 48], [600, 48], 13n);
    expect(other!.slice(0, 48 * 599)).not.toEqual(first!.slice(48));
    const rows = (mask: Float32Array): Set<string> =>
      new Set(Array.from({ length: 600 }, (_, row) => mask.subarray(row * 48, row * 48 + 48).join()));
    // 600 draws of 4096 masks: 558 different ones are expected.
    expect(rows(first!).size).toBeGreaterThan(530);
    expect([...rows(first!)].filter((row) => rows(other!).has(row)).length).toBeLessThan(120);
  });

  test("takes the largest key", async () => {
    const [first] = await dropped(["N", 48], [600, 48], 2n ** 30n - 1n);
    expect(share(first!)).toBeGreaterThan(0.23);
    expect(share(first!)).toBeLessThan(0.27);
  });

  test("of nothing is nothing", async () => {
    expect((await dropped(["N", 48], [0, 48], 1n))[0]).toHaveLength(0);
    expect((await dropped(["N"], [0], 1n))[0]).toHaveLength(0);
  });

  test("of a training follows from seed and step, and each step has its own", async () => {
    const losses = async (seed: number): Promise<number[]> => {
      const graph = new t.Graph({ training: true });
      const w = graph.parameter("w", [40, 8], t.ones);
      const wave = graph.constant(
        Float32Array.from({ length: 320 }, (_, i) => Math.sin(i)),
        [40, 8],
      );
      const training = await t.compileTraining({
        loss: t.sum(t.mul(t.dropout(w, 0.5, 0), wave)),
        optimizer: t.adamW(),
        random: new Random(seed),
      });
      const out: number[] = [];
      for (let step = 0; step < 5; step++) out.push((await training.step({}, { learningRate: 0 })).loss);
      await training.close();
      return out;
    };
    const first = await losses(1);
    expect(new Set(first).size).toBe(5);
    expect(await losses(1)).toEqual(first);
    expect(await losses(2)).not.toEqual(first);
  });

  test("is nothing in serving", () => {
    const serving = new t.Graph();
    const z = serving.input("z", "float32", ["N"]);
    expect(t.dropout(z, 0.25, 3)).toBe(z);
  });
});
