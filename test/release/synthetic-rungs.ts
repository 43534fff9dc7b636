/** A small simulated platform, and rungs on it whose rankers cost what their networks cost and know nothing. */
import { createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, Random } from "../../src/core/index.ts";
import { memoryLog } from "../../src/events/index.ts";
import { Follower, untrainedModels } from "../../src/pipeline/index.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import type { Ranker, RankingInput } from "../../src/ranking/index.ts";
import type { MeasuredRung, System } from "../../src/release/measured-rung.ts";
import { simulate } from "../../src/simulation/index.ts";
import { memoryStore } from "../../src/state/index.ts";
import { compileServing, Graph, loadModel, matmul, sigmoid, silu, zeros } from "../../src/tensor/index.ts";
import { anyWeights } from "../models/toy.ts";
import { around } from "./made-tradeoffs.ts";

const END = Date.UTC(2026, 0, 1) as EpochMs;

export type Platform = Omit<System, "rungs" | "metrics">;

export async function smallPlatform(videos = 220): Promise<Platform & { close(): Promise<void> }> {
  const log = memoryLog();
  await log.append([...simulate({ users: 40, videos, events: 4000, end: END })].flat());
  const catalog = createCatalog();
  const store = memoryStore();
  await new Follower(log, catalog, store).reached(log.end);
  const states = [];
  for await (const user of store.users()) states.push(await store.read(user));
  const { sources, featureSet, close } = await untrainedModels(catalog);
  return {
    catalog,
    sources,
    featureSet,
    settings: { candidates: 500, perSource: 1000, headWeights: {}, policy: DEFAULT_POLICY },
    states: states.sort((a, b) => b.touches.length - a.touches.length),
    now: (END + DAY) as EpochMs,
    close,
  };
}

/** A ranker of so many layers, each `width` wide, over numbers of chance. */
export async function networkOfWidth(width: number, layers: number): Promise<Ranker> {
  const graph = new Graph();
  const inputs = 16;
  let x = graph.input("x", "float32", ["rows", inputs]);
  let from = inputs;
  for (let layer = 0; layer < layers; layer++) {
    x = silu(matmul(x, graph.parameter(`w${layer}`, [from, width], zeros)));
    from = width;
  }
  const y = sigmoid(matmul(x, graph.parameter("out", [from, 1], zeros)));
  const model = await loadModel(compileServing({ y }, anyWeights(graph, new Random("weights"))));
  return rankerOf(async ({ candidates }) => {
    const rows = candidates.rows.length;
    const data = Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(i));
    const { y: scores } = await model.run({ x: { data, dims: [rows, inputs] } });
    return [scores!.data as Float32Array];
  }, model.close);
}

/** A ranker of one head that scores so. */
export function rankerOf(score: Ranker["score"], close: () => Promise<void> = async () => {}): Ranker {
  return { name: "synthetic", heads: ["engage"], fingerprint: "any", score, close };
}

export function flatScores({ candidates }: RankingInput): readonly Float32Array[] {
  return [new Float32Array(candidates.rows.length).fill(0.5)];
}

export function rungOf(name: string, ranker: Ranker, means: Readonly<Record<string, number>>): MeasuredRung {
  const quality = means[name]!;
  return {
    name,
    noun: `the ${name}`,
    about: `synthetic ${name}`,
    teacher: false,
    ranker,
    trainSeconds: 1,
    bytes: 1000,
    quality: [around(quality, 0.01), null],
    differenceTo: (other) => around(quality - means[other]!, 0.001),
  };
}
