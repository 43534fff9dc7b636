/** A small simulated platform, and rungs on it whose rankers cost what their networks cost and know nothing. */
import { createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, Random } from "../../src/core/index.ts";
import { memoryLog } from "../../src/events/index.ts";
import { Follower, untrainedModels } from "../../src/pipeline/index.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { networkRanker, type Ranker, type RankingInput } from "../../src/ranking/index.ts";
import type { MeasuredRung, RankerOnDisk, System } from "../../src/release/measured-rung.ts";
import { simulate } from "../../src/simulation/index.ts";
import { memoryStore } from "../../src/state/index.ts";
import { compileServing, Graph, matmul, silu, zeros } from "../../src/tensor/index.ts";
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

/** Small numbers of chance for all parameters of a graph. */
export function anyWeights({ parameters }: Graph): Record<string, Float32Array> {
  const random = new Random("weights");
  return Object.fromEntries(
    parameters.map(({ tensor, shape }) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      return [tensor.name, Float32Array.from({ length: size }, () => 0.1 * random.normal())];
    }),
  );
}

/** The files of a ranker with so many networks of four layers, each `width` wide, that know nothing. */
export function networksOfWidth({ featureSet }: Platform, width: number, count: number): RankerOnDisk {
  const features = featureSet.candidateNames.length;
  const graph = new Graph();
  let x = graph.input("candidates", "float32", ["B", "S", features]);
  let from = features;
  for (let layer = 0; layer < 4; layer++) {
    x = silu(matmul(x, graph.parameter(`layer${layer}`, [from, width], zeros)));
    from = width;
  }
  const logits = matmul(x, graph.parameter("out", [from, 1], zeros));
  const model = compileServing({ logits }, anyWeights(graph));
  const header = {
    name: "synthetic",
    heads: ["engage"],
    fingerprint: featureSet.fingerprint,
    requestFeatures: featureSet.requestNames.length,
    candidateFeatures: features,
    vocabulary: { items: 1, creators: 1, categories: 1 },
    calibration: [{ scale: 1, shift: 0 }],
  };
  return { header, models: Array.from({ length: count }, () => model) };
}

/** A ranker of one head that scores so. */
export function rankerOf(score: Ranker["score"]): { readonly ranker: Ranker } {
  const ranker = { name: "synthetic", heads: ["engage"], fingerprint: "any", score, close: async () => {} };
  return { ranker };
}

export function flatScores({ candidates }: RankingInput): readonly Float32Array[] {
  return [new Float32Array(candidates.rows.length).fill(0.5)];
}

export async function rungOf(
  name: string,
  files: RankerOnDisk,
  means: Readonly<Record<string, number>>,
): Promise<MeasuredRung> {
  const quality = means[name]!;
  return {
    name,
    noun: `the ${name}`,
    about: `synthetic ${name}`,
    teacher: false,
    ranker: await networkRanker(files.header, files.models),
    files,
    trainSeconds: 1,
    quality: [around(quality, 0.01), null],
    differenceTo: (other) => around(quality - means[other]!, 0.001),
  };
}
