/** Every operator's gradient against central finite differences, both computed by ONNX Runtime. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

interface Case {
  readonly name: string;
  /** Shapes of the operands; names are sizes at run time. */
  readonly shapes: readonly t.Shape[];
  readonly build: (...x: t.Tensor[]) => t.Tensor;
  /** Operands keep this distance from 0, for operators with a kink there or defined above it. */
  readonly positive?: boolean;
  readonly awayFromZero?: boolean;
  /** Operands never come close to each other. */
  readonly apart?: boolean;
}

const SIZES: Readonly<Record<string, number>> = { N: 3, L: 2, B: 2, C: 4 };

const unary = (name: string, op: (x: t.Tensor) => t.Tensor, rest: Partial<Case> = {}): Case[] => [
  { name: `${name} of a matrix`, shapes: [[2, 3]], build: op, ...rest },
  { name: `${name} of unknown size`, shapes: [["N", 2]], build: op, ...rest },
];

/** Pairs of shapes that broadcast in every way. */
const PAIRS: readonly (readonly [t.Shape, t.Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[], ["N", 2]],
  [
    ["N", 1],
    [1, 4],
  ],
  [
    ["B", "L", 2],
    ["L", 1],
  ],
  [["N"], ["B", 1, "N"]],
];

const binary = (name: string, op: (a: t.Tensor, b: t.Tensor) => t.Tensor, rest: Partial<Case> = {}): Case[] =>
  PAIRS.map(([a, b]) => ({ name: `${name} of [${a}] and [${b}]`, shapes: [a, b], build: op, ...rest }));

const ids = (x: t.Tensor, values: readonly number[], shape: readonly number[]): t.Tensor =>
  x.graph.constant(Int32Array.from(values), shape);
const mask = (x: t.Tensor, values: readonly number[], shape: readonly number[]): t.Tensor =>
  x.graph.constant(Uint8Array.from(values), shape, "bool");
const floats = (x: t.Tensor, values: readonly number[], shape: readonly number[]): t.Tensor =>
  x.graph.constant(Float32Array.from(values), shape);

const classes = (x: t.Tensor, values: readonly number[]): t.Tensor =>
  x.graph.constant(
    BigInt64Array.from(values, (value) => BigInt(value)),
    [values.length],
  );
/** Fixed numbers under a shape that is known at run time only. */
const as = (x: t.Tensor, shape: t.Shape): t.Tensor => ({ ...x, shape });

const CASES: readonly Case[] = [
  ...binary("add", t.add),
  ...binary("sub", t.sub),
  ...binary("mul", t.mul),
  ...binary("div", t.div, { positive: true }),
  ...binary("maximum", t.maximum, { apart: true }),
  ...binary("minimum", t.minimum, { apart: true }),
  { name: "add of a number", shapes: [[2]], build: (x) => t.add(x, 2) },
  { name: "a number divided", shapes: [[2]], build: (x) => t.div(2, x), positive: true },
  { name: "a value used twice", shapes: [[3]], build: (x) => t.mul(x, t.add(x, x)) },
  ...unary("neg", t.neg),
  ...unary("exp", t.exp),
  ...unary("log", t.log, { positive: true }),
  ...unary("sqrt", t.sqrt, { positive: true }),
  ...unary("tanh", t.tanh),
  ...unary("sigmoid", t.sigmoid),
  ...unary("relu", t.relu, { awayFromZero: true }),
  ...unary("clip above", (x) => t.clip(x, -9, 0), { awayFromZero: true }),
  ...unary("clip below", (x) => t.clip(x, 0, 9), { awayFromZero: true }),
  ...unary("gelu", t.gelu),
  ...unary("silu", t.silu),
  ...unary("softplus", t.softplus),
  ...unary("abs", t.abs, { awayFromZero: true }),
  ...unary("square by pow", (x) => t.pow(x, 2)),
  ...unary("pow to -1.5", (x) => t.pow(x, -1.5), { positive: true }),
  {
    name: "where with broadcasting",
    shapes: [[2, 3], [3]],
    build: (a, b) => t.where(mask(a, [1, 0], [2, 1]), a, b),
  },
  { name: "where with a number", shapes: [["N", 2]], build: (a) => t.where(t.greater(a, 0), a, 3) },
  {
    name: "matmul",
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => t.matmul(a, b),
  },
  {
    name: "matmul of unknown size",
    shapes: [
      ["N", 3],
      [3, 2],
    ],
    build: (a, b) => t.matmul(a, b),
  },
  ...[
    { transposeA: true },
    { transposeB: true },
    { transposeA: true, transposeB: true, scale: 0.5 },
    { scale: 0.3 },
  ].flatMap((options): Case[] => {
    const label = JSON.stringify(options);
    const a: t.Shape = options.transposeA ? [3, 2] : [2, 3];
    const b: t.Shape = options.transposeB ? [4, 3] : [3, 4];
    return [
      { name: `matmul ${label}`, shapes: [a, b], build: (x, y) => t.matmul(x, y, options) },
      {
        name: `batched matmul ${label}`,
        shapes: [
          ["B", 1, ...a],
          [2, ...b],
        ],
        build: (x, y) => t.matmul(x, y, options),
      },
      {
        name: `weights under a batch ${label}`,
        shapes: [["B", "L", ...a], b],
        build: (x, y) => t.matmul(x, y, options),
      },
    ];
  }),
  {
    name: "products of sequences",
    shapes: [
      ["B", "L", 2],
      ["B", "C", 2],
    ],
    build: (q, k) => t.matmul(q, k, { transposeB: true, scale: 0.7 }),
  },
  {
    name: "a matrix before a batch",
    shapes: [
      [2, 3],
      ["B", 3, 2],
    ],
    build: (a, b) => t.matmul(a, b),
  },
  { name: "sum of all", shapes: [["N", 2]], build: (x) => t.sum(x) },
  { name: "sum over an unknown axis", shapes: [["N", 2]], build: (x) => t.sum(x, [0]) },
  {
    name: "sum over the last axis, kept",
    shapes: [["N", 2, 3]],
    build: (x) => t.sum(x, [-1], { keep: true }),
  },
  { name: "mean of all", shapes: [["B", "L"]], build: (x) => t.mean(x) },
  { name: "mean over two axes", shapes: [["B", 3, "L"]], build: (x) => t.mean(x, [0, 1]) },
  { name: "max over an axis", shapes: [["N", 4]], build: (x) => t.max(x, [1]) },
  { name: "max of all, kept", shapes: [[2, 3]], build: (x) => t.max(x, undefined, { keep: true }) },
  {
    name: "weighted mean",
    shapes: [["N", 2]],
    build: (x) => t.weightedMean(x, t.expand(floats(x, [0.5, 2], [1, 2]), x.shape)),
    awayFromZero: true,
  },
  {
    name: "reshape to a product of sizes",
    shapes: [["B", "L", 4]],
    build: (x) => t.reshape(x, ["B*L", 2, 2]),
  },
  {
    name: "reshape back from a product",
    shapes: [["B", "L", 2]],
    build: (x) => t.reshape(t.reshape(x, ["B*L", 2]), ["B", "L", 1, 2]),
  },
  { name: "transpose", shapes: [["B", 3, "L"]], build: (x) => t.transpose(x, [2, 0, 1]) },
  {
    name: "concat of fixed sizes",
    shapes: [
      ["N", 2],
      ["N", 3],
    ],
    build: (a, b) => t.concat([a, b, a], -1),
  },
  {
    name: "concat of unknown sizes",
    shapes: [
      ["B", "L", 2],
      ["B", "C", 2],
    ],
    build: (a, b) => t.concat([a, b], 1),
  },
  { name: "slice", shapes: [["N", 4]], build: (x) => t.slice(x, 1, 1, 3) },
  {
    name: "slice by names",
    shapes: [
      ["B", "L", 2],
      ["B", "C", 2],
    ],
    build: (a, b) => t.slice(t.concat([a, b], 1), 1, "L", "L+C"),
  },
  { name: "expand", shapes: [["N", 1]], build: (x) => t.expand(x, [2, "N", 3]) },
  { name: "squeeze and unsqueeze", shapes: [["N", 1]], build: (x) => t.unsqueeze(t.squeeze(x, 1), 0) },
  {
    name: "gather with repeated rows",
    shapes: [[4, 2]],
    build: (x) => t.gather(x, ids(x, [3, 0, 3, 3, 1, 0], [2, 3])),
  },
  {
    name: "gather with repeated rows on one thread",
    shapes: [[4, 2]],
    build: (x) => {
      x.graph.oneThread = true;
      return t.gather(x, ids(x, [3, 0, 3, 3, 1, 0], [2, 3]));
    },
  },
  {
    name: "gather of more numbers than one chunk has",
    shapes: [["N", 2]],
    build: (x) => {
      // 60,000 rows of width 2: three chunks.
      const many = t.gather(
        x,
        ids(
          x,
          Array.from({ length: 60_000 }, (_, i) => (i * i) % 3),
          [60_000],
        ),
      );
      return t.mean(t.reshape(many, [10_000, 6, 2]), [0]);
    },
  },
  {
    name: "gather of matrices",
    shapes: [["N", 2, 2]],
    build: (x) => t.gather(x, ids(x, [2, 0, 2], [3])),
  },
  { name: "gather of single numbers", shapes: [[4]], build: (x) => t.gather(x, ids(x, [1, 1], [2])) },
  {
    name: "gather from an unknown size",
    shapes: [["N", 2]],
    build: (x) => t.gather(x, ids(x, [2, 0, 2], [3])),
  },
  ...unary("softmax", t.softmax),
  ...unary("logSoftmax", t.logSoftmax),
  {
    name: "layerNorm",
    shapes: [["N", 2, 4], [4], [4]],
    build: (x, scale, bias) => t.layerNorm(x, scale, bias),
  },
  {
    name: "rmsNorm",
    shapes: [["N", 2, 4], [4]],
    build: (x, scale) => t.rmsNorm(x, scale),
  },
  {
    name: "layerNorm of a matrix far from 0",
    shapes: [["N", 4], [4], [4]],
    build: (x, scale, bias) => t.layerNorm(t.add(x, 20), scale, bias),
  },
  {
    name: "softmax cross-entropy with soft targets that do not add up to 1",
    shapes: [["N", 4]],
    build: (x) => t.softmaxCrossEntropy(x, floats(x, [0.5, 0, 2, 0.25], [1, 4])),
  },
  {
    name: "softmax cross-entropy with a mask",
    shapes: [[3, 4]],
    build: (x) =>
      t.softmaxCrossEntropy(
        x,
        floats(x, [1, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0], [3, 4]),
        mask(x, [1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0], [3, 4]),
      ),
  },
  {
    name: "softmax cross-entropy at classes",
    shapes: [["N", 4]],
    build: (x) => t.softmaxCrossEntropyAt(x, as(classes(x, [3, 0, 3]), ["N"])),
  },
  {
    name: "softmax cross-entropy at classes of unknown number",
    shapes: [["N", "C"]],
    build: (x) => t.softmaxCrossEntropyAt(x, as(classes(x, [3, 0, 3]), ["N"])),
  },
  ...(["fixed", "unknown"] as const).flatMap((sizes): Case[] => {
    const [n, c] = sizes === "fixed" ? [3, 4] : ["N", "C"];
    const shapes = [
      [n, 2],
      [n, 2],
      [c, 2],
    ];
    return [
      {
        name: `sampled softmax, ${sizes} sizes`,
        shapes,
        build: (hidden, positive, candidates) => t.sampledSoftmax({ hidden, positive, candidates }),
      },
      {
        name: `sampled softmax with corrections, mask and scale, ${sizes} sizes`,
        shapes,
        build: (hidden, positive, candidates) =>
          t.sampledSoftmax({
            hidden,
            positive,
            candidates,
            logQ: as(floats(hidden, [-1, 0.5, -3, 0.25], [4]), [c]),
            positiveLogQ: as(floats(hidden, [-0.5, 1, -2], [3]), [n]),
            mask: as(mask(hidden, [1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0], [3, 4]), [n, c]),
            scale: 1.5,
          }),
      },
      {
        name: `full softmax, ${sizes} sizes`,
        shapes: [
          [n, 2],
          [c, 2],
        ],
        build: (hidden, items) =>
          t.fullSoftmax({ hidden, items, targets: as(classes(hidden, [3, 0, 3]), [n]), scale: 0.7 }),
      },
      {
        name: `pairs of a list, ${sizes} sizes`,
        shapes: [[n, c]],
        build: (x) =>
          t.pairwiseLogistic(x, as(floats(x, [1, 0, 0, 0, 3, 1, 0, 1, 2, 2, 2, 2], [3, 4]), [n, c])),
      },
      {
        name: `pairs of a list with a mask, ${sizes} sizes`,
        shapes: [[n, c]],
        build: (x) =>
          t.pairwiseLogistic(
            x,
            as(floats(x, [1, 0, 0, 0, 3, 1, 0, 1, 2, 1, 0, 2], [3, 4]), [n, c]),
            as(mask(x, [1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 0], [3, 4]), [n, c]),
          ),
      },
      {
        name: `smooth NDCG, ${sizes} sizes`,
        shapes: [[n, c]],
        build: (x) =>
          t.approxNdcg(x, as(floats(x, [1, 0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 0], [3, 4]), [n, c]), undefined, 1),
      },
      {
        name: `smooth NDCG with a mask, ${sizes} sizes`,
        shapes: [[n, c]],
        build: (x) =>
          t.approxNdcg(
            x,
            as(floats(x, [1, 0, 0, 0, 3, 1, 0, 1, 0, 0, 5, 0], [3, 4]), [n, c]),
            as(mask(x, [1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0], [3, 4]), [n, c]),
            1,
          ),
      },
    ];
  }),
  {
    name: "binary cross-entropy",
    shapes: [["N", 2]],
    build: (x) => t.binaryCrossEntropy(x, floats(x, [1, 0.25], [2])),
  },
  {
    name: "attention between sequences",
    shapes: [
      ["B", 2, "L", 3],
      ["B", 2, "C", 3],
      ["B", 2, "C", 2],
    ],
    build: (q, k, v) => t.attention(q, k, v),
  },
  // Every way in which a bias may broadcast; lengths that cut evenly, unevenly and not at all.
  ...[5, 1, "C", "L"].flatMap((length): Case[] =>
    [
      ["B", 1, length, length],
      [2, length, length],
      [length, length],
      ["B", 1, 1, length],
      [length],
      [2, length, 1],
    ].map((bias) => ({
      name: `causal attention over [${length}] with a bias of [${bias}]`,
      shapes: [...Array.from({ length: 3 }, () => ["B", 2, length, 2]), bias],
      build: (q, k, v, added) => t.attention(q, k, v, { causal: true, bias: added!, scale: 0.5 }),
    })),
  ),
  {
    name: "causal attention without a bias",
    shapes: Array.from({ length: 3 }, () => ["B", 1, "N", 2]),
    build: (q, k, v) => t.attention(q, k, v, { causal: true }),
  },
  {
    name: "attention of heads",
    shapes: [
      ["B", "L", 4],
      [4, 4],
      [4, 4],
    ],
    build: (x, wq, wk) => {
      const heads = (y: t.Tensor): t.Tensor => t.transpose(t.reshape(y, ["B", "L", 2, 2]), [0, 2, 1, 3]);
      const [q, k, v] = [heads(t.matmul(x, wq)), heads(t.matmul(x, wk)), heads(x)];
      const weights = t.softmax(t.matmul(q, k, { transposeB: true, scale: Math.SQRT1_2 }));
      return t.reshape(t.transpose(t.matmul(weights, v), [0, 2, 1, 3]), ["B", "L", 4]);
    },
  },
];

const dimsOf = (shape: t.Shape): number[] =>
  shape.map((dim) => (typeof dim === "number" ? dim : SIZES[dim]!));

describe("gradients equal finite differences for", () => {
  for (const { name, shapes, build, positive, awayFromZero, apart } of CASES) {
    test(name, async () => {
      const random = new Random(name);
      const graph = new t.Graph({ training: true });
      const inputs = shapes.map((shape, i) => graph.input(`x${i}`, "float32", shape));
      const output = build(...inputs);
      // Different weights for the outputs, so that no gradient hides in a symmetry.
      const wave = graph.input("wave", "float32", output.shape);
      const loss = t.sum(t.mul(output, wave));
      const found = t.gradients(loss, inputs);
      const outputs: Record<string, t.Tensor> = { output, loss };
      found.forEach((gradient, i) => {
        expect(gradient.shape).toEqual(inputs[i]!.shape);
        outputs[`g${i}`] = gradient;
      });
      // The output's real shape, from a run without the loss.
      const forward = await t.loadModel(t.compileServing({ output }, {}));
      const draw = (operand: number): number => {
        if (apart) return random.int(8) / 4 - 1 + operand / 8;
        const value = positive ? 0.5 + random.next() : random.normal();
        return awayFromZero ? value + 0.2 * Math.sign(value) : value;
      };
      const feeds: Record<string, { data: Float32Array; dims: number[] }> = {};
      shapes.forEach((shape, i) => {
        const dims = dimsOf(shape);
        const size = dims.reduce((a, b) => a * b, 1);
        feeds[`x${i}`] = { data: Float32Array.from({ length: size }, () => draw(i)), dims };
      });
      const { output: plain } = await forward.run(feeds);
      expect(plain!.dims.length).toBe(output.shape.length);
      const weights = Float32Array.from({ length: plain!.data.length }, () => random.normal());
      const all = { ...feeds, wave: { data: weights, dims: plain!.dims } };
      await forward.close();

      const model = await t.loadModel(t.compileServing(outputs, {}));
      const lossAt = async (): Promise<number> => {
        const { output: values } = await model.run(all);
        // Summed in f64: the difference of two losses keeps few of f32's digits.
        let sum = 0;
        for (let i = 0; i < values!.data.length; i++) sum += Number(values!.data[i]) * weights[i]!;
        return sum;
      };
      const result = await model.run(all);
      const h = 2 ** -8;
      for (let i = 0; i < shapes.length; i++) {
        const { data } = feeds[`x${i}`]!;
        for (let n = 0; n < data.length; n++) {
          const value = data[n]!;
          data[n] = value + h;
          const above = await lossAt();
          data[n] = value - h;
          const below = await lossAt();
          data[n] = value;
          const expected = (above - below) / (2 * h);
          const came = Number(result[`g${i}`]!.data[n]);
          expect(Math.abs(came - expected), `d x${i}[${n}]: ${came}, expected ${expected}`).toBeLessThan(
            2e-3 * Math.max(1, Math.abs(expected)),
          );
        }
      }
      await model.close();
    });
  }
});
