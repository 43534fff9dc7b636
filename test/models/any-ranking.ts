/** Small ranking networks, and requests that they can read. */
import { Random } from "../../src/core/index.ts";
import type { FeatureScaling, RankingArchitecture, RankingShape } from "../../src/models/index.ts";
import type { Feeds, Graph, Weights } from "../../src/tensor/index.ts";

/** A shape of everything small. */
export function smallShape(
  architecture: RankingArchitecture,
  changed: Partial<RankingShape> = {},
): RankingShape {
  return {
    architecture,
    requestFeatures: 3,
    candidateFeatures: 4,
    requestScaling: anyScaling(3),
    candidateScaling: anyScaling(4),
    popularityColumns: [2, 0],
    heads: 2,
    baseLogits: [-1, -2],
    items: 9,
    creators: 5,
    categories: 4,
    visits: 8,
    visitColumns: 3,
    width: 8,
    blocks: 2,
    attentionHeads: 2,
    hidden: [8, 6],
    piecewise: true,
    embedding: 4,
    dropout: 0,
    idDropout: 0,
    ...changed,
  };
}

/** Quantiles of a normal distribution; the first feature is mostly 0, and the last never varied. */
export function anyScaling(features: number, perFeature = 5): FeatureScaling {
  const quantiles = [-1.3, -0.5, 0.1, 0.4, 1.2];
  return {
    means: Float32Array.from({ length: features }, (_, f) => 0.1 * f),
    deviations: Float32Array.from({ length: features }, (_, f) => (f === features - 1 ? 0 : 1 + f)),
    boundaries: Float32Array.from({ length: features * perFeature }, (_, i) => {
      const [feature, at] = [Math.floor(i / perFeature), i % perFeature];
      if (feature === features - 1) return 7;
      return feature === 0 ? Math.max(0, quantiles[at]!) : quantiles[at]!;
    }),
  };
}

/** Normal weights of some deviation for every parameter that was traced, biases too. */
export function anyWeights(graph: Graph, random: Random, deviation = 0.3): Weights {
  return Object.fromEntries(
    graph.parameters.map(({ tensor, shape }) => [
      tensor.name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * random.normal()),
    ]),
  );
}

/** Feeds of every input that an architecture may have, for `batch` requests of `size` candidates and `visits` visits. */
export function anyRequests(
  shape: RankingShape,
  { batch = 1, size = 5, visits = 4 }: { batch?: number; size?: number; visits?: number },
  random: Random = new Random("requests"),
): Record<string, Feeds[string]> {
  const floats = (...dims: number[]) => ({
    data: Float32Array.from({ length: product(dims) }, () => random.normal()),
    dims,
  });
  const codes = (count: number, ...dims: number[]) => ({
    data: Int32Array.from({ length: product(dims) }, () => random.int(count)),
    dims,
  });
  return {
    request: floats(batch, shape.requestFeatures),
    candidates: floats(batch, size, shape.candidateFeatures),
    items: codes(shape.items, batch, size),
    creators: codes(shape.creators, batch, size),
    categories: codes(shape.categories, batch, size),
    history_items: codes(shape.items, batch, visits),
    history_creators: codes(shape.creators, batch, visits),
    history_categories: codes(shape.categories, batch, visits),
    history_facts: floats(batch, visits, shape.visitColumns),
    history_present: { data: new Float32Array(batch * visits).fill(1), dims: [batch, visits] },
  };
}

/** What `rankingLoss` reads beside: labels and weights of everything, lists that are full. */
export function anyAnswers(
  shape: RankingShape,
  { batch = 1, size = 5 }: { batch?: number; size?: number },
  random: Random = new Random("answers"),
): Record<string, Feeds[string]> {
  const floats = (...dims: number[]) => ({
    data: Float32Array.from({ length: product(dims) }, () => random.next()),
    dims,
  });
  return {
    targets: floats(batch, size),
    offsets: floats(batch, size),
    present: { data: new Uint8Array(batch * size).fill(1), dims: [batch, size] },
    list_heads: {
      data: Float32Array.from({ length: batch * shape.heads }, (_, i) => Number(i % shape.heads === 0)),
      dims: [batch, shape.heads],
    },
    list_weights: floats(batch),
    labels: floats(batch, size, shape.heads),
    weights: floats(batch, size, shape.heads),
    positions: {
      data: BigInt64Array.from({ length: batch * size }, (_, i) => BigInt(i % 3)),
      dims: [batch, size],
    },
  };
}

/** Those of the feeds that a model of these inputs takes. */
export function only(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
}

function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}
