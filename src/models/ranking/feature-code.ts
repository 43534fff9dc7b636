/**
 * Numbers as a network reads them: standardised, or as a piecewise-linear code (Gorishniy et al. 2022, "On embeddings
 * for numerical features in tabular deep learning"): one column for each range between two quantiles, 0 below it, 1
 * above it, and linear within. A layer over the code is a sum of piecewise-linear functions of the features.
 *
 * Ranges without a width (of a feature that is mostly 0, say) have no column. What repeats a feature for each of its
 * ranges is a product with a matrix of zeros and ones: each sum has one term, so it is exact, and it costs less than
 * to gather single columns.
 */
import { clip, type Graph, matmul, mul, sub, type Tensor } from "../../tensor/index.ts";
import type { FeatureScaling } from "./shape.ts";

/** Standardised features are cut to this many deviations: what never happened in training must not run away. */
const CLIP = 6;

/** x (N, F) → (N, F) */
export function standardised(x: Tensor, { means, deviations }: FeatureScaling): Tensor {
  const scales = deviations.map((deviation) => (deviation > 0 ? 1 / deviation : 0));
  return clip(mul(sub(x, row(x.graph, means)), row(x.graph, scales)), -CLIP, CLIP);
}

/** x (N, F) → (N, P): P ranges of all features; at least one column. */
export function piecewiseLinear(x: Tensor, scaling: FeatureScaling): Tensor {
  const features = scaling.means.length;
  const { columns, starts, widths } = ranges(scaling);
  const select = new Float32Array(features * columns.length);
  columns.forEach((feature, range) => {
    select[feature * columns.length + range] = 1;
  });
  const repeated = matmul(x, x.graph.constant(select, [features, columns.length]));
  const inverse = widths.map((width) => 1 / width);
  return clip(mul(sub(repeated, row(x.graph, starts)), row(x.graph, inverse)), 0, 1);
}

/** The feature, the start and the width of every range that has a width. */
function ranges({ means, boundaries }: FeatureScaling): {
  readonly columns: readonly number[];
  readonly starts: Float32Array;
  readonly widths: Float32Array;
} {
  const perFeature = boundaries.length / means.length;
  const columns: number[] = [];
  const starts: number[] = [];
  const widths: number[] = [];
  for (let feature = 0; feature < means.length; feature++) {
    for (let at = feature * perFeature; at < (feature + 1) * perFeature - 1; at++) {
      const width = boundaries[at + 1]! - boundaries[at]!;
      if (!(width > 0)) continue;
      columns.push(feature);
      starts.push(boundaries[at]!);
      widths.push(width);
    }
  }
  // Features none of which ever varied: one column that is 0 for whatever was seen.
  if (columns.length === 0)
    return { columns: [0], starts: boundaries.slice(0, 1), widths: Float32Array.of(1) };
  return { columns, starts: Float32Array.from(starts), widths: Float32Array.from(widths) };
}

function row(graph: Graph, numbers: Float32Array): Tensor {
  return graph.constant(numbers, [numbers.length]);
}
