/** What the trace checks before anything runs: shapes, types, names, and the algebra of named sizes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { addDims, type Dim, multiplyDims, sameDim, sizeOf, subtractDims } from "../../src/tensor/dims.ts";
import * as t from "../../src/tensor/index.ts";

describe("sizes by name", () => {
  test("have one spelling each", () => {
    expect(addDims("C", "L")).toBe("C+L");
    expect(addDims("L", "C")).toBe("C+L");
    expect(subtractDims("L+C", "L")).toBe("C");
    expect(subtractDims("L", "L")).toBe(0);
    expect(multiplyDims("L", "B")).toBe("B*L");
    expect(multiplyDims("L+1", 2)).toBe("2*L+2");
    expect(subtractDims("L", 3)).toBe("L-3");
    expect(addDims("L-3", 3)).toBe("L");
    expect(sizeOf(["B", 4, "L", 2])).toBe("8*B*L");
    expect(sizeOf([])).toBe(1);
    expect(sameDim("B * L", "L*B")).toBe(true);
    expect(sameDim("B", 1)).toBe(false);
  });

  test("add and multiply like the numbers they stand for", () => {
    const dim: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
      dim: fc.oneof(
        { maxDepth: 4 },
        fc.nat(5),
        fc.constantFrom("B", "L", "C"),
        fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => addDims(a, b)),
        fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => subtractDims(a, b)),
        fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => multiplyDims(a, b)),
      ),
    })).dim;
    const at = (d: Dim): number =>
      typeof d === "number"
        ? d
        : d
            .replaceAll("-", "+-1*")
            .split("+")
            .filter((term) => term !== "")
            .map((term) =>
              term
                .split("*")
                .map((part) => ({ B: 3, L: 7, C: 11 })[part] ?? Number(part))
                .reduce((a, b) => a * b, 1),
            )
            .reduce((a, b) => a + b, 0);
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        expect(at(addDims(a, b))).toBe(at(a) + at(b));
        expect(at(subtractDims(a, b))).toBe(at(a) - at(b));
        expect(at(multiplyDims(a, b)) + 0).toBe(at(a) * at(b) + 0);
        expect(addDims(a, b)).toBe(addDims(b, a));
        expect(multiplyDims(a, b)).toBe(multiplyDims(b, a));
      }),
    );
  });
});

describe("the trace refuses", () => {
  const graph = new t.Graph();
  const x = graph.input("x", "float32", ["N", 3]);
  const y = graph.input("y", "float32", ["N", 4]);
  const square = graph.input("square", "float32", ["B", 3, 4]);
  const id = graph.input("id", "int32", ["N"]);
  const vector = graph.parameter("vector", [3], t.zeros);

  const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      "shapes that do not broadcast",
      () => t.add(x, y),
      /Add: expected shapes that broadcast, came \[N, 3\] and \[N, 4\]/,
    ],
    ["a size that is unknown against a number", () => t.mul(x, square), /\[N, 3\] and \[B, 3, 4\]/],
    [
      "operands of two types",
      () => t.add(x, id),
      /Add: expected operands of one type, came float32 and int32/,
    ],
    ["numbers alone", () => t.add(1, 2), /add: expected a traced tensor among the operands/],
    [
      "inner sizes that differ",
      () => t.matmul(x, y),
      /MatMul: expected the left's columns.*\[N, 3\] and \[N, 4\]/,
    ],
    ["a vector in a product", () => t.matmul(x, vector), /two axes at least, came "vector" \[3\]/],
    ["a reshape to another size", () => t.reshape(x, ["N", 4]), /Reshape: expected a shape of 3\*N values/],
    [
      "an order that is no permutation",
      () => t.transpose(x, [0, 0]),
      /Transpose: expected an order of the 2 axes/,
    ],
    [
      "parts that do not join",
      () => t.concat([x, square], 0),
      /Concat: expected float32 \[N, 3\] apart from axis 0/,
    ],
    ["nothing to join", () => t.concat([], 0), /Concat: expected one tensor at least/],
    [
      "a slice beyond the end",
      () => t.slice(x, 1, 1, 4),
      /Slice: expected 0 <= start <= end <= 3, came 1 \.\. 4/,
    ],
    ["a slice backwards", () => t.slice(x, 1, 2, 1), /came 2 \.\. 1/],
    ["an axis that is not there", () => t.sum(x, [2]), /sum: expected an axis of \[N, 3\], came 2/],
    ["an axis twice", () => t.mean(x, [1, -1]), /mean: expected distinct axes/],
    ["ids that are no integers", () => t.gather(vector, x), /Gather: expected int32 or int64, came float32/],
    ["exp of integers", () => t.exp(id), /Exp: expected float32, came int32/],
    ["a condition that is no bool", () => t.where(x, x, x), /Where: expected bool/],
    ["a norm of another width", () => t.layerNorm(y, vector, vector), /layerNorm: expected weights \[4\]/],
    [
      "targets of another shape",
      () => t.binaryCrossEntropy(x, y),
      /binaryCrossEntropy: expected shapes that broadcast, came \[N, 3\] and \[N, 4\]/,
    ],
    [
      "a mask wider than the logits",
      () => t.softmaxCrossEntropy(x, x, t.greater(graph.input("wide", "float32", ["B", "N", 3]), 0)),
      /softmaxCrossEntropy: expected \[N, 3\]/,
    ],
    ["weights of another shape", () => t.weightedMean(x, y), /weightedMean: expected weights \[N, 3\]/],
    ["squeezing an axis with more than one", () => t.squeeze(x, 1), /squeeze: expected size 1 on axis 1/],
    ["a dropout of everything", () => t.dropout(x, 1, 1), /dropout: expected a rate/],
    ["a name twice", () => graph.input("x", "float32", [1]), /names that are used once, came "x" again/],
    ["a size that is no size", () => graph.input("bad", "float32", [1.5]), /"bad": expected sizes/],
    ["a name that is no name", () => graph.input("bad", "float32", ["N M"]), /came N M/],
    [
      "constants that do not fill their shape",
      () => graph.constant(Float32Array.of(1), [2]),
      /constant: expected 2 values for \[2\], came 1/,
    ],
    [
      "tensors of two graphs",
      () => t.add(x, new t.Graph().input("z", "float32", [3])),
      /operands of one graph, came "z"/,
    ],
    [
      "a loss that is no number",
      () => t.gradients(x, [vector]),
      /gradients: expected a float32 loss of shape \[\]/,
    ],
    [
      "a parameter without influence",
      () => t.gradients(t.sum(x), [vector]),
      /expected a loss that depends on every target, came "vector"/,
    ],
    [
      "a size that no input has",
      () => t.expand(t.sum(x), ["M"]),
      /expected an input with an axis of size "M"/,
    ],
    ["outputs named as inputs", () => t.compileServing({ x: t.neg(x) }, {}), /came "x"/],
    ["no outputs", () => t.compileServing({}, {}), /one output at least/],
    [
      "weights that are missing",
      () => t.compileServing({ out: t.add(x, vector) }, {}),
      /expected 3 values for "vector" \[3\], came none/,
    ],
  ];
  for (const [name, call, message] of wrong) {
    test(name, () => expect(call).toThrow(message));
  }

  test("training with a graph that was traced for serving", async () => {
    const options = { optimizer: t.adamW(), random: new Random(1) };
    await expect(t.compileTraining({ loss: t.sum(vector), ...options })).rejects.toThrow(/training: true/);
    const training = new t.Graph({ training: true });
    const w = training.parameter("w", [2], t.values([1]));
    await expect(t.compileTraining({ loss: t.sum(w), metrics: { w }, ...options })).rejects.toThrow(
      /metrics that are float32 of shape \[\]/,
    );
    await expect(t.compileTraining({ loss: t.sum(w), ...options })).rejects.toThrow(
      /expected 2 values for "w"/,
    );
  });
});

describe("first values of parameters", () => {
  test("have the spread that their name says and depend on the parameter's name alone", async () => {
    const weightsOf = async (names: readonly string[]): Promise<t.Weights> => {
      const graph = new t.Graph({ training: true });
      const sums = names.map((name) => t.sum(graph.parameter(name, [50, 40], t.glorot)));
      const training = await t.compileTraining({
        loss: sums.reduce((a, b) => t.add(a, b)),
        optimizer: t.adamW(),
        random: new Random(1),
      });
      const weights = training.weights();
      await training.close();
      return weights;
    };
    const two = await weightsOf(["a", "b"]);
    const three = await weightsOf(["c", "a", "b"]);
    expect(three).toMatchObject(two);
    expect(two["a"]).not.toEqual(two["b"]);
    const bound = Math.sqrt(6 / 90);
    expect(Math.max(...two["a"]!)).toBeLessThan(bound);
    expect(Math.max(...two["a"]!)).toBeGreaterThan(0.95 * bound);
    const draws = t.normal(2)([10_000], new Random(1));
    expect(Math.sqrt(draws.reduce((s, x) => s + x * x, 0) / draws.length)).toBeCloseTo(2, 1);
  });
});

describe("values at the edge", () => {
  const at = async (op: (x: t.Tensor) => t.Tensor, ...x: number[]): Promise<number[]> => {
    const graph = new t.Graph();
    const input = graph.input("x", "float32", ["N"]);
    const y = op(input);
    const [gradient] = t.gradients(t.sum(y), [input]);
    const model = await t.loadModel(t.compileServing({ y, gradient: gradient! }, {}));
    const result = await model.run({ x: { data: Float32Array.from(x), dims: [x.length] } });
    await model.close();
    return [...result["y"]!.data, ...result["gradient"]!.data].map(Number);
  };

  test("losses and softplus are finite for logits of any size", async () => {
    const loss = await at(
      (x) => t.binaryCrossEntropy(x, t.stopGradient(t.mul(x, 0))),
      -1e4,
      -100,
      0,
      100,
      1e4,
    );
    expect(loss).toEqual([
      0,
      expect.closeTo(0),
      Math.fround(Math.LN2),
      100,
      1e4,
      0,
      expect.closeTo(0),
      0.5,
      1,
      1,
    ]);
    expect((await at(t.softplus, -1e4, 1e4)).every(Number.isFinite)).toBe(true);
    expect((await at(t.softmax, -1e9, 1e9)).every(Number.isFinite)).toBe(true);
  });

  test("no gradient flows through stopGradient", async () => {
    expect(await at((x) => t.mul(x, t.stopGradient(x)), 3)).toEqual([9, 3]);
  });
});
