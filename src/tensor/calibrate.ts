/** Which numbers meet the weights of a serving graph, from runs of samples: what its products in 8 bits need to know. */
import { compile, type Outputs, reachable, type Weights } from "./compile.ts";
import { shapeError, type Tensor } from "./graph.ts";
import { node } from "./ops/raw.ts";
import { productsOf, type Ranges } from "./quantize.ts";
import { type Feeds, loadModel } from "./session.ts";

/**
 * The ranges over all samples, for `compileServing` with `int8`. What is beyond them when the file is run is cut.
 *
 * @param samples feeds of the whole graph, without anything that fills up lists: its numbers would count
 */
export async function calibrate(
  outputs: Outputs,
  weights: Weights,
  samples: readonly Feeds[],
): Promise<Ranges> {
  const graph = Object.values(outputs)[0]?.graph;
  if (!graph || samples.length === 0) throw shapeError("calibrate", "outputs and samples", "none");
  const { nodes } = reachable(graph.nodes, Object.values(outputs));
  const names = [...new Set(productsOf(nodes, graph).map(({ activation }) => activation))];
  const ends: Record<string, Tensor> = {};
  const whole = { keepdims: { int: 0 } };
  for (const name of names) {
    const value: Tensor = { graph, name, dtype: "float32", shape: [] };
    ends[`low ${name}`] = node("ReduceMin", [value], "float32", [], whole);
    ends[`high ${name}`] = node("ReduceMax", [value], "float32", [], whole);
  }
  if (names.length === 0) return new Map();
  const ranges = new Map(names.map((name) => [name, { low: Infinity, high: -Infinity }]));
  const model = await loadModel(compile(ends, weights));
  try {
    for (const sample of samples) {
      const known = Object.entries(sample).filter(([name]) => model.inputNames.includes(name));
      const found = await model.run(Object.fromEntries(known));
      for (const [name, { low, high }] of ranges) {
        ranges.set(name, {
          low: Math.min(low, Number(found[`low ${name}`]!.data[0])),
          high: Math.max(high, Number(found[`high ${name}`]!.data[0])),
        });
      }
    }
  } finally {
    await model.close();
  }
  return ranges;
}
