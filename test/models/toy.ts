/** Small ranking networks and list problems whose answer is known. */
import type { Random } from "../../src/core/index.ts";
import type { RankingNetworkShape } from "../../src/models/ranking-network.ts";
import type { Feeds, Graph, Weights } from "../../src/tensor/index.ts";

/** A shape that leaves features as they are. */
export function plainShape(features: number, heads: number): RankingNetworkShape {
  return {
    features,
    heads,
    means: new Float32Array(features),
    deviations: new Float32Array(features).fill(1),
  };
}

/** Normal weights of some deviation for every parameter that was traced; biases and the linear path too. */
export function anyWeights(graph: Graph, random: Random, deviation = 0.3): Weights {
  return Object.fromEntries(
    graph.parameters.map(({ tensor, shape }) => [
      tensor.name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * random.normal()),
    ]),
  );
}

/** One list as a user and a logging policy left it. */
export interface ToyList {
  /** [slot][feature] */
  readonly features: readonly (readonly number[])[];
  /** [slot][head] */
  readonly labels: readonly (readonly number[])[];
  /** [slot] rows of the table of positions; 0 unless given. */
  readonly positions?: readonly number[];
  /** [slot] 0 unless given. */
  readonly offsets?: readonly number[];
}

/** The inputs of `rankingLoss` for these lists, filled up to `size` slots that are not present. */
export function feedsOf(lists: readonly ToyList[], size: number): Feeds {
  const n = lists.length;
  const width = lists[0]!.features[0]!.length;
  const heads = lists[0]!.labels[0]!.length;
  const features = new Float32Array(n * size * width);
  const targets = new Float32Array(n * size);
  const offsets = new Float32Array(n * size);
  const present = new Uint8Array(n * size);
  const positions = new BigInt64Array(n * size);
  const labels = new Float32Array(n * size * heads);
  const weights = new Float32Array(n * size * heads);
  lists.forEach((list, l) => {
    list.features.forEach((values, slot) => {
      const at = l * size + slot;
      features.set(values, at * width);
      targets[at] = list.labels[slot]![0]!;
      offsets[at] = list.offsets?.[slot] ?? 0;
      present[at] = 1;
      positions[at] = BigInt(list.positions?.[slot] ?? 0);
      labels.set(list.labels[slot]!, at * heads);
      weights.fill(1, at * heads, (at + 1) * heads);
    });
  });
  const rows = [n, size];
  return {
    features: { data: features, dims: [...rows, width] },
    targets: { data: targets, dims: rows },
    offsets: { data: offsets, dims: rows },
    present: { data: present, dims: rows },
    positions: { data: positions, dims: rows },
    labels: { data: labels, dims: [...rows, heads] },
    weights: { data: weights, dims: [...rows, heads] },
  };
}
