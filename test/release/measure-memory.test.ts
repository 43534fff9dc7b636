import { expect, test } from "vitest";
import type { RankerHeader } from "../../src/ranking/index.ts";
import { measureMemory } from "../../src/release/measure-memory.ts";
import { compileServing, Graph, matmul, zeros } from "../../src/tensor/index.ts";
import { anyWeights } from "./synthetic-rungs.ts";

const FEATURES = 8;
const HEADER: RankerHeader = {
  name: "synthetic",
  heads: ["engage"],
  fingerprint: "any",
  requestFeatures: 3,
  candidateFeatures: FEATURES,
  vocabulary: { items: 1, creators: 1, categories: 1 },
  calibration: [{ scale: 1, shift: 0 }],
};

function modelOf(width: number): Uint8Array {
  const graph = new Graph();
  const candidates = graph.input("candidates", "float32", ["B", "S", FEATURES]);
  const hidden = matmul(candidates, graph.parameter("in", [FEATURES, width], zeros));
  const logits = matmul(hidden, graph.parameter("out", [width, 1], zeros));
  return compileServing({ logits }, anyWeights(graph));
}

test("a rung takes the memory of its weights and of what they are multiplied with, each of an ensemble its own", async () => {
  const condition = { candidates: 500, visits: 50 };
  const [small, large, two] = await Promise.all([
    measureMemory({ header: HEADER, models: [modelOf(8)] }, condition),
    measureMemory({ header: HEADER, models: [modelOf(500_000)] }, { candidates: 10, visits: 0 }),
    measureMemory(
      { header: HEADER, models: [modelOf(500_000), modelOf(500_000)] },
      { candidates: 10, visits: 0 },
    ),
  ]);
  const weights = 500_000 * (FEATURES + 1) * 4;
  expect(large - small).toBeGreaterThan(weights);
  expect(two - large).toBeGreaterThan(weights);
  expect(small).toBeGreaterThanOrEqual(0);
  expect(small).toBeLessThan(40e6);
});
