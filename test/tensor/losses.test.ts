/** Losses against plain code; their gradients are in gradients.test.ts. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const N = 3;
const C = 5;
const D = 4;

const random = new Random("losses");
const draw = (size: number): number[] => Array.from({ length: size }, () => Math.fround(random.normal()));
const rows = (data: readonly number[], width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, row) => data.slice(row * width, (row + 1) * width));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, value, i) => total + value * b[i]!, 0);
const floats = (graph: t.Graph, data: readonly number[], shape: readonly number[]): t.Tensor =>
  graph.constant(Float32Array.from(data), shape);
const bools = (graph: t.Graph, data: readonly number[], shape: readonly number[]): t.Tensor =>
  graph.constant(Uint8Array.from(data), shape, "bool");

/** The losses that `trace` makes of constants. */
async function valuesOf(trace: (graph: t.Graph) => t.Tensor): Promise<number[]> {
  const graph = new t.Graph();
  const model = await t.loadModel(t.compileServing({ losses: trace(graph) }, {}));
  const { losses } = await model.run({});
  await model.close();
  return Array.from(losses!.data, Number);
}

function expectClose(came: readonly number[], expected: readonly number[]): void {
  expect(came).toHaveLength(expected.length);
  came.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 4);
  });
}

describe("sampled softmax", () => {
  const [hidden, positive, candidates] = [draw(N * D), draw(N * D), draw(C * D)];
  const matrices = (
    graph: t.Graph,
    size = 1,
  ): Pick<t.SampledSoftmaxOptions, "hidden" | "positive" | "candidates"> => ({
    hidden: floats(
      graph,
      hidden.map((value) => value * size),
      [N, D],
    ),
    positive: floats(graph, positive, [N, D]),
    candidates: floats(graph, candidates, [C, D]),
  });

  test("equals its formula, with corrections, a mask and a scale", async () => {
    const [logQ, positiveLogQ] = [draw(C), draw(N)];
    const mask = [1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1];
    const losses = await valuesOf((graph) =>
      t.sampledSoftmax({
        ...matrices(graph),
        logQ: floats(graph, logQ, [C]),
        positiveLogQ: floats(graph, positiveLogQ, [N]),
        mask: bools(graph, mask, [N, C]),
        scale: 1.5,
      }),
    );
    const expected = rows(hidden, D).map((h, n) => {
      const p = Math.exp(1.5 * dot(h, rows(positive, D)[n]!) - positiveLogQ[n]!);
      const others = rows(candidates, D).map(
        (c, i) => mask[n * C + i]! * Math.exp(1.5 * dot(h, c) - logQ[i]!),
      );
      return -Math.log(p / others.reduce((a, b) => a + b, p));
    });
    expectClose(losses, expected);
  });

  test("is 0 for a row without candidates, and finite for scores of any size", async () => {
    const mask = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    for (const size of [1e-6, 1, 1e4, 1e7]) {
      const losses = await valuesOf((graph) =>
        t.sampledSoftmax({ ...matrices(graph, size), mask: bools(graph, mask, [N, C]) }),
      );
      expect(losses.every(Number.isFinite), `${losses}`).toBe(true);
      expect(losses[1]).toBe(0);
      expect(losses[0]).not.toBe(0);
    }
  });

  test("over all items but the right one is the full softmax, and both are the cross-entropy at classes", async () => {
    const targets = [4, 0, 4];
    const right = targets.flatMap((target) => rows(candidates, D)[target]!);
    const sampled = await valuesOf((graph) =>
      t.sampledSoftmax({
        ...matrices(graph),
        positive: floats(graph, right, [N, D]),
        mask: bools(
          graph,
          targets.flatMap((target) => rows(candidates, D).map((_, c) => (c === target ? 0 : 1))),
          [N, C],
        ),
        scale: 0.5,
      }),
    );
    const ids = (graph: t.Graph): t.Tensor => graph.constant(Int32Array.from(targets), [N]);
    const full = await valuesOf((graph) => {
      const { hidden: h, candidates: items } = matrices(graph);
      return t.fullSoftmax({ hidden: h, items, targets: ids(graph), scale: 0.5 });
    });
    const classes = await valuesOf((graph) => {
      const { hidden: h, candidates: items } = matrices(graph);
      return t.softmaxCrossEntropyAt(t.matmul(h, items, { transposeB: true, scale: 0.5 }), ids(graph));
    });
    expectClose(sampled, full);
    expectClose(classes, full);
    const logits = rows(hidden, D).map((h) => rows(candidates, D).map((c) => 0.5 * dot(h, c)));
    expectClose(
      full,
      logits.map((row, n) => Math.log(row.reduce((a, s) => a + Math.exp(s), 0)) - row[targets[n]!]!),
    );
  });

  test("says which of its operands does not fit", () => {
    const graph = new t.Graph();
    const of = (name: string, ...shape: t.Dim[]): t.Tensor => graph.input(name, "float32", shape);
    const [h, p, c] = [of("h", "N", 4), of("p", "N", 4), of("c", 7, 4)];
    const loss = (rest: object): (() => t.Tensor) => {
      return () => t.sampledSoftmax({ hidden: h, positive: p, candidates: c, ...rest });
    };
    expect(loss({ candidates: of("narrow", 7, 3) })).toThrow(
      /sampledSoftmax: expected \(N, D\) and \(C, D\)/,
    );
    expect(loss({ positive: of("few", 2, 4) })).toThrow(/sampledSoftmax: positive: expected \[N, 4\]/);
    expect(loss({ logQ: of("q", "N") })).toThrow(/sampledSoftmax: logQ: expected \[7\]/);
    expect(loss({ positiveLogQ: of("pq", 7) })).toThrow(/sampledSoftmax: positiveLogQ: expected \[N\]/);
    expect(loss({ mask: graph.input("m", "bool", [7]) })).toThrow(/sampledSoftmax: mask: expected \[N, 7\]/);
    const ids = graph.input("ids", "int64", [7]);
    expect(() => t.fullSoftmax({ hidden: h, items: c, targets: ids })).toThrow(/targets: expected \[N\]/);
    expect(() => t.softmaxCrossEntropyAt(h, ids)).toThrow(/softmaxCrossEntropyAt: expected \[N\]/);
    expect(() => t.softmaxCrossEntropyAt(h, of("f", "N"))).toThrow(/expected int32 or int64/);
  });
});

describe("losses of lists", () => {
  const scores = [0.3, -1, 2, 0.5, 0.1, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5];
  const targets = [2, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0, 7];
  const mask = [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0];

  test("of pairs are the mean over what should stand in order", async () => {
    const plain = (kept: readonly number[]): number[] =>
      rows(scores, C).map((list, n) => {
        const losses = list.flatMap((s, i) =>
          list.flatMap((other, j) => {
            const [a, b] = [n * C + i, n * C + j];
            const counts = kept[a]! * kept[b]! > 0 && targets[a]! > targets[b]!;
            return counts ? [Math.log1p(Math.exp(other - s))] : [];
          }),
        );
        return losses.length === 0 ? 0 : losses.reduce((x, y) => x + y) / losses.length;
      });
    const came = (kept?: readonly number[]): Promise<number[]> =>
      valuesOf((graph) =>
        t.pairwiseLogistic(
          floats(graph, scores, [N, C]),
          floats(graph, targets, [N, C]),
          kept && bools(graph, kept, [N, C]),
        ),
      );
    expectClose(await came(), plain(mask.map(() => 1)));
    expectClose(await came(mask), plain(mask));
    expect((await came())[1]).toBe(0);
  });

  test("of smooth NDCG come close to 1 - NDCG where scores are far apart", async () => {
    const ndcg = (list: readonly number[], gains: readonly number[]): number => {
      const dcg = (order: readonly number[]): number =>
        order.reduce((total, i, rank) => total + gains[i]! / Math.log2(rank + 2), 0);
      const places = list.map((_, i) => i);
      const best = dcg([...places].sort((a, b) => gains[b]! - gains[a]!));
      return best === 0 ? 1 : dcg([...places].sort((a, b) => list[b]! - list[a]!)) / best;
    };
    const came = await valuesOf((graph) =>
      t.approxNdcg(
        floats(graph, scores, [N, C]),
        floats(graph, targets, [N, C]),
        bools(graph, mask, [N, C]),
        0.01,
      ),
    );
    const expected = rows(scores, C).map((list, n) => {
      const places = list.flatMap((_, i) => (mask[n * C + i] ? [i] : []));
      return (
        1 -
        ndcg(
          places.map((i) => list[i]!),
          places.map((i) => targets[n * C + i]!),
        )
      );
    });
    expectClose(came, expected);
    const none = await valuesOf((graph) =>
      t.approxNdcg(floats(graph, scores, [N, C]), floats(graph, new Array<number>(N * C).fill(0), [N, C])),
    );
    expect(none).toEqual([0, 0, 0]);
  });
});
