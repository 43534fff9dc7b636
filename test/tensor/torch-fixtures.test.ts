/**
 * Whole blocks against PyTorch in float64: values and gradients of all weights, made once by
 * bench/peers/torch-fixtures.py.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Named = Readonly<Record<string, Numbers>>;

interface Fixture {
  readonly inputs: Named;
  readonly weights: Named;
  readonly outputs: Named;
  readonly gradients: Named;
}

const [LENGTH, WIDTH, HEADS] = [4, 4, 2];

function load(name: string): Fixture {
  return JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", `${name}.json`), "utf8"));
}

/** Largest difference, as a share of the largest number. */
function gap(came: ArrayLike<number | bigint>, expected: readonly number[]): number {
  expect(came.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(Number(came[i]) - value))) / largest;
}

/** A weight by name, its shape from the fixture. */
type Weight = (name: string) => t.Tensor;

function weightsIn(graph: t.Graph, named: Named): Weight {
  const made = Object.entries(named).map(([name, { shape, data }]) => {
    return [name, graph.parameter(name, shape, t.values(data))] as const;
  });
  const tensors = new Map(made);
  return (name) => tensors.get(name)!;
}

const linear = (x: t.Tensor, weight: Weight, name: string): t.Tensor =>
  t.add(t.matmul(x, weight(name)), weight(`${name}.bias`));

const layerNorm = (x: t.Tensor, weight: Weight, name: string): t.Tensor =>
  t.layerNorm(x, weight(`${name}.scale`), weight(`${name}.bias`));

const rmsNorm = (x: t.Tensor, weight: Weight, name: string): t.Tensor =>
  t.rmsNorm(x, weight(`${name}.scale`));

/** Multi-head attention before its output projection: x (B, L, D), what `attend` does with the heads (B, H, L, D / H). */
function attention(
  x: t.Tensor,
  weight: Weight,
  name: string,
  attend: (q: t.Tensor, k: t.Tensor, v: t.Tensor) => t.Tensor,
): t.Tensor {
  const [batch, length] = [x.shape[0]!, x.shape[1]!];
  const heads = (part: string): t.Tensor => {
    const split = [batch, length, HEADS, WIDTH / HEADS];
    return t.transpose(t.reshape(t.matmul(x, weight(`${name}.${part}`)), split), [0, 2, 1, 3]);
  };
  const mixed = attend(heads("query"), heads("key"), heads("value"));
  return t.reshape(t.transpose(mixed, [0, 2, 1, 3]), x.shape);
}

/** Causal, without the places of padding: present bool (B, L). */
function overPresent(present: t.Tensor): (q: t.Tensor, k: t.Tensor, v: t.Tensor) => t.Tensor {
  const [batch, length] = [present.shape[0]!, present.shape[1]!];
  const bias = t.where(t.reshape(present, [batch, 1, 1, length]), present.graph.scalar(0), -1e9);
  return (q, k, v) => t.attention(q, k, v, { causal: true, bias });
}

/** The same in parts, with a bias (H, L, L). */
function inParts(present: t.Tensor, bias: t.Tensor): (q: t.Tensor, k: t.Tensor, v: t.Tensor) => t.Tensor {
  const visible = visibleTo(present);
  return (q, k, v) => {
    const products = t.matmul(q, k, { transposeB: true, scale: 1 / Math.sqrt(WIDTH / HEADS) }); // (B, H, L, L)
    return t.matmul(t.softmax(t.where(visible, t.add(products, bias), -1e9)), v);
  };
}

/** The corner of a (..., 4, 4) that sequences of this length need. */
function corner(square: t.Tensor, length: t.Dim): t.Tensor {
  return t.slice(t.slice(square, -2, 0, length), -1, 0, length);
}

/** Keys up to the query's place, padding left out: present bool (B, L) to (B, 1, L, L). */
function visibleTo(present: t.Tensor): t.Tensor {
  const [batch, length] = [present.shape[0]!, present.shape[1]!];
  const causal = Uint8Array.from({ length: LENGTH ** 2 }, (_, i) => (i % LENGTH <= i / LENGTH ? 1 : 0));
  const mask = present.graph.constant(causal, [LENGTH, LENGTH], "bool");
  return t.and(corner(mask, length), t.reshape(present, [batch, 1, 1, length]));
}

/** Pre-norm block with learned relative positions (Shaw et al. 2018, one number a head) and GELU. */
function preNormBlock(x: t.Tensor, present: t.Tensor, weight: Weight): t.Tensor {
  const distances = Int32Array.from({ length: LENGTH ** 2 }, (_, i) =>
    Math.max(0, Math.floor(i / LENGTH) - (i % LENGTH)),
  );
  const byDistance = t.gather(weight("attention.distance"), x.graph.constant(distances, [LENGTH, LENGTH]));
  const bias = corner(t.transpose(byDistance, [2, 0, 1]), x.shape[1]!); // (H, L, L)
  const normal = layerNorm(x, weight, "attention.norm");
  const mixed = attention(normal, weight, "attention", inParts(present, bias));
  const y = t.add(x, t.matmul(mixed, weight("attention.out")));
  const inner = t.gelu(linear(layerNorm(y, weight, "feed.norm"), weight, "feed.up"));
  return t.add(y, linear(inner, weight, "feed.down"));
}

/** RMSNorm, attention with a gate on what it returns, SwiGLU (Shazeer 2020). */
function gatedBlock(x: t.Tensor, present: t.Tensor, weight: Weight): t.Tensor {
  const normal = rmsNorm(x, weight, "attention.norm");
  const gate = t.sigmoid(t.matmul(normal, weight("attention.gate")));
  const mixed = t.mul(attention(normal, weight, "attention", overPresent(present)), gate);
  const y = t.add(x, t.matmul(mixed, weight("attention.out")));
  const inner = rmsNorm(y, weight, "feed.norm");
  const gated = t.mul(t.silu(t.matmul(inner, weight("feed.gate"))), t.matmul(inner, weight("feed.up")));
  return t.add(y, t.matmul(gated, weight("feed.down")));
}

/** SASRec (Kang, McAuley 2018) with normalisation before each part; ids (B, L), 0 is padding. */
function sasrec(ids: t.Tensor, present: t.Tensor, weight: Weight): t.Tensor {
  const attend = overPresent(present);
  const items = t.mul(t.gather(weight("items"), ids), Math.sqrt(WIDTH));
  let x = t.add(items, t.slice(weight("positions"), 0, 0, ids.shape[1]!));
  for (const block of ["first", "second"]) {
    const normal = layerNorm(x, weight, `${block}.attention.norm`);
    x = t.add(x, attention(normal, weight, `${block}.attention`, attend));
    const inner = t.relu(linear(layerNorm(x, weight, `${block}.feed.norm`), weight, `${block}.feed.up`));
    x = t.add(x, linear(inner, weight, `${block}.feed.down`));
  }
  return layerNorm(x, weight, "norm");
}

interface Traced {
  readonly out: t.Tensor;
  readonly loss: t.Tensor;
}

/** Sizes of the traced graph's axes: numbers, or names that are known at run time only. */
interface Sizes {
  readonly batch: t.Dim;
  readonly length: t.Dim;
}

function tracedBlock(block: typeof preNormBlock): (graph: t.Graph, weight: Weight, sizes: Sizes) => Traced {
  return (graph, weight, { batch, length }) => {
    const x = graph.input("x", "float32", [batch, length, WIDTH]);
    const wave = graph.input("wave", "float32", [batch, length, WIDTH]);
    const present = graph.input("present", "bool", [batch, length]);
    const kept = t.reshape(t.cast(present, "float32"), [batch, length, 1]);
    const out = t.mul(block(x, present, weight), kept);
    return { out, loss: t.sum(t.mul(out, wave)) };
  };
}

function tracedSasrec(graph: t.Graph, weight: Weight, { batch, length }: Sizes): Traced {
  const ids = graph.input("ids", "int64", [batch, length]);
  const targets = graph.input("targets", "int64", [batch, length]);
  const candidates = graph.input("candidates", "int64", [5]);
  const present = t.greater(ids, graph.constant(BigInt64Array.of(0n), []));
  const out = sasrec(ids, present, weight);
  const count = typeof batch === "number" ? batch * LENGTH : `${batch}*${length}`;
  const rows = t.reshape(out, [count, WIDTH]);
  const right = t.reshape(targets, [count]);
  const losses = t.sampledSoftmax({
    hidden: rows,
    positive: t.gather(weight("items"), right),
    candidates: t.gather(weight("items"), candidates),
    logQ: graph.input("logQ", "float32", [5]),
    positiveLogQ: graph.input("positiveLogQ", "float32", [count]),
    mask: t.not(t.equal(t.unsqueeze(right, 1), candidates)),
  });
  const counts = t.cast(present, "float32");
  return {
    out: t.mul(out, t.unsqueeze(counts, 2)),
    loss: t.weightedMean(losses, t.reshape(counts, losses.shape)),
  };
}

function feedsOf(inputs: Named, graph: t.Graph): t.Feeds {
  const feeds: Record<string, t.Value> = {};
  for (const { name, dtype } of graph.inputs) {
    const { data, shape } = inputs[name]!;
    if (dtype === "int64") feeds[name] = { data: BigInt64Array.from(data, BigInt), dims: shape };
    else if (dtype === "bool") feeds[name] = { data: Uint8Array.from(data), dims: shape };
    else feeds[name] = { data: Float32Array.from(data), dims: shape };
  }
  return feeds;
}

const SIZES: Readonly<Record<string, Sizes>> = {
  "known sizes": { batch: 2, length: LENGTH },
  "a batch of unknown size": { batch: "B", length: LENGTH },
  "unknown sizes": { batch: "B", length: "L" },
};

const BLOCKS: Readonly<Record<string, (graph: t.Graph, weight: Weight, sizes: Sizes) => Traced>> = {
  "pre-norm-block": tracedBlock(preNormBlock),
  "gated-block": tracedBlock(gatedBlock),
  sasrec: tracedSasrec,
};

for (const [name, trace] of Object.entries(BLOCKS)) {
  describe(`${name} equals PyTorch`, () => {
    const fixture = load(name);
    for (const [label, sizes] of Object.entries(SIZES)) {
      for (const training of [true, false]) {
        test(`with ${label}, traced for ${training ? "training" : "serving"}`, async () => {
          const graph = new t.Graph({ training });
          const { out, loss } = trace(graph, weightsIn(graph, fixture.weights), sizes);
          const outputs: Record<string, t.Tensor> = { out, loss };
          const parameters = graph.parameters.map(({ tensor }) => tensor);
          t.gradients(loss, parameters).forEach((gradient, i) => {
            outputs[`gradient ${parameters[i]!.name}`] = gradient;
          });
          const weights = Object.fromEntries(
            Object.entries(fixture.weights).map(([key, { data }]) => [key, Float32Array.from(data)]),
          );
          const model = await t.loadModel(t.compileServing(outputs, weights));
          const results = await model.run(feedsOf(fixture.inputs, graph));
          await model.close();
          expect(gap(results["out"]!.data, fixture.outputs["out"]!.data)).toBeLessThan(1e-5);
          expect(gap(results["loss"]!.data, fixture.outputs["loss"]!.data)).toBeLessThan(1e-5);
          for (const [key, { data }] of Object.entries(fixture.gradients)) {
            expect(gap(results[`gradient ${key}`]!.data, data), key).toBeLessThan(1e-4);
          }
        });
      }
    }
  });
}

test("three steps of AdamW with clipping equal PyTorch", async () => {
  const { inputs, weights, outputs } = load("adamw");
  const graph = new t.Graph({ training: true });
  const weight = weightsIn(graph, weights);
  const [x, y] = [graph.input("x", "float32", ["N", 3]), graph.input("y", "float32", ["N", 2])];
  const error = t.sub(linear(t.tanh(linear(x, weight, "up")), weight, "down"), y);
  const training = await t.compileTraining({
    loss: t.mean(t.mul(error, error)),
    optimizer: t.adamW({ beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1, clipNorm: 2.8 }),
    random: new Random(1),
  });
  for (const [step, learningRate] of [0.1, 0.05, 0.02].entries()) {
    const part = ({ shape, data }: Numbers): t.Value => {
      const [rows, width] = [shape[1]!, shape[2]!];
      const from = step * rows * width;
      return { data: Float32Array.from(data.slice(from, from + rows * width)), dims: [rows, width] };
    };
    const feeds = { x: part(inputs["x"]!), y: part(inputs["y"]!) };
    const { loss, gradientNorm } = await training.step(feeds, { learningRate });
    expect(gap([loss], outputs[`loss.${step}`]!.data)).toBeLessThan(1e-5);
    expect(gap([gradientNorm], outputs[`norm.${step}`]!.data)).toBeLessThan(1e-5);
    for (const [name, data] of Object.entries(training.weights())) {
      expect(gap(data, outputs[`${name}.${step}`]!.data), `${name} after step ${step}`).toBeLessThan(1e-5);
    }
  }
  await training.close();
});
