/**
 * What a ranking network costs a request of 500 candidates and 50 visits, and what it saves to encode the history once.
 *
 * All networks stay open in one process and do a round of requests in turn, so that rounds interleave; their order turns
 * round each time. Times are CPU times on one thread: other processes of the machine matter least there.
 */
import { Random } from "../src/core/index.ts";
import {
  type FeatureScaling,
  RANKING_ARCHITECTURES,
  type RankingArchitecture,
  type RankingShape,
  rankingServing,
  tasteLogits,
} from "../src/models/index.ts";
import {
  calibrate,
  compileServing,
  type Feeds,
  Graph,
  loadModel,
  type Model,
  type Value,
  type Weights,
} from "../src/tensor/index.ts";
import { rounded, spread } from "./figures/spread.ts";
import { openPeakProduct } from "./train/peak.ts";

export const about =
  "Ranking networks with 4 heads on 500 candidates (60 features, a third of them yes or no; the others in 16 ranges, but for students), 50 visits and 40 features of the request: CPU time of a request on one thread, in float32 and with the weights of large products in 8 bits. `of peak`: operations of the products that a network is made of (2 for each multiply-add; none for look-ups, codes and activations) by CPU time, as a share of the fastest 2048³ product in ONNX Runtime of all rounds. `history`: the same scores with the history encoded once for all candidates, and anew for each of them: as 500 requests of one candidate in one batch, and one by one. `attention alone` is the part of the transformer that reads the history, without features. Weights are random.";
export const needsBuild = false;

const CANDIDATES = 500;
const VISITS = 50;
const RANGES = 16;
const FEATURES = { request: 40, candidate: 60 };
/** The feed-forward network of a transformer's block, in widths. */
const INNER = 2;

/** The students are those of training's rungs; the teacher is larger than the ones of the ladder, up to what is sensible. */
const SIZES = {
  "small student": {
    width: 16,
    blocks: 1,
    attentionHeads: 1,
    hidden: [48, 24],
    embedding: 8,
    piecewise: false,
  },
  student: { width: 32, blocks: 1, attentionHeads: 2, hidden: [128, 64], embedding: 16, piecewise: false },
  teacher: { width: 64, blocks: 2, attentionHeads: 4, hidden: [192, 96], embedding: 32, piecewise: true },
} as const;
type Size = keyof typeof SIZES;

interface Plan {
  readonly rounds: number;
  /** Requests of each network in a round. */
  readonly requests: number;
}

/** Arguments: `--quick`. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const plan: Plan = args.includes("--quick") ? { rounds: 3, requests: 3 } : { rounds: 15, requests: 10 };
  const sizes = (architecture: RankingArchitecture): readonly Size[] =>
    architecture === "popularity" || architecture === "logistic"
      ? ["student"]
      : ["small student", "student", "teacher"];
  const networks = RANKING_ARCHITECTURES.flatMap((architecture) =>
    sizes(architecture).map((size) => ({ architecture, size })),
  );
  return {
    candidates: CANDIDATES,
    visits: VISITS,
    ...plan,
    networks: await measureNetworks(networks, plan),
    history: await measureHistory(plan),
  };
}

async function measureNetworks(
  networks: readonly { readonly architecture: RankingArchitecture; readonly size: Size }[],
  plan: Plan,
) {
  const opened = [];
  for (const { architecture, size } of networks) {
    const shape = shapeOf(architecture, size);
    opened.push({ architecture, size, shape, ...(await openNetwork(shape)) });
  }
  const peak = await openPeakProduct(1);
  const times = await interleaved(
    plan,
    Object.fromEntries([
      ...opened.flatMap(({ architecture, size, float32, int8 }) => [
        [`${architecture} ${size} float32`, float32.request],
        ...(int8 ? [[`${architecture} ${size} int8`, int8.request]] : []),
      ]),
      ["peak", peak.run],
    ]),
    { peak: 1 },
  );
  await peak.close();
  const rates = times.get("peak")!.map((ms) => peak.flops / ms / 1e6);
  const fastest = Math.max(...rates);
  const rows = [];
  for (const { architecture, size, shape, float32, int8 } of opened) {
    const flops = flopsOf(shape);
    const share = (of: readonly number[]) => spread(of.map((ms) => flops / ms / 1e6 / fastest));
    const own = times.get(`${architecture} ${size} float32`)!;
    const eight = times.get(`${architecture} ${size} int8`);
    rows.push({
      network: architecture,
      size,
      MFLOP: rounded(flops / 1e6),
      cpu_ms: spread(own),
      "of peak": share(own),
      "file KiB": Math.round(float32.bytes / 1024),
      ...(int8 &&
        eight && {
          "int8 cpu_ms": spread(eight),
          "int8 of peak": share(eight),
          "int8 file KiB": Math.round(int8.bytes / 1024),
          "int8 speed": spread(own.map((ms, round) => ms / eight[round]!)),
          "int8 largest difference of a probability": rounded(int8.difference),
        }),
    });
    await Promise.all([float32.close(), int8?.close()]);
  }
  return { "peak GFLOP/s": rounded(fastest), networks: rows };
}

interface OpenFile {
  readonly bytes: number;
  request(): Promise<Float32Array>;
  close(): Promise<void>;
}

/** A network in float32, and in 8 bits where that changes anything. */
async function openNetwork(shape: RankingShape): Promise<{
  readonly float32: OpenFile;
  readonly int8: (OpenFile & { readonly difference: number }) | undefined;
}> {
  const graph = new Graph();
  const outputs = { ...rankingServing(graph, shape) };
  const weights = firstWeights(graph);
  const feeds = requestOf(shape, "request");
  const open = async (bytes: Uint8Array): Promise<OpenFile> => {
    const model = await loadModel(bytes);
    const own = only(feeds, model.inputNames);
    return { bytes: bytes.length, request: () => logitsOf(model, own), close: () => model.close() };
  };
  const float32 = await open(compileServing(outputs, weights));
  const samples = ["one", "two", "three"].map((seed) => requestOf(shape, seed));
  const ranges = await calibrate(outputs, weights, samples);
  if (ranges.size === 0) return { float32, int8: undefined };
  const int8 = await open(compileServing(outputs, weights, { int8: ranges }));
  const [exact, eight] = [await float32.request(), await int8.request()];
  const difference = exact.reduce(
    (most, logit, i) => Math.max(most, Math.abs(sigmoid(logit) - sigmoid(eight[i]!))),
    0,
  );
  return { float32, int8: { ...int8, difference } };
}

/** Once for all candidates against once for each of them. */
async function measureHistory(plan: Plan) {
  const cases = [
    { network: "transformer", sizes: SIZES["small student"] },
    { network: "transformer", sizes: SIZES.student },
    { network: "transformer", sizes: SIZES.teacher },
    { network: "transformer", sizes: { ...SIZES.teacher, width: 128, blocks: 4 } },
    { network: "attention alone", sizes: SIZES.teacher },
    { network: "attention alone", sizes: { ...SIZES.teacher, width: 128, blocks: 4 } },
  ] as const;
  const rows = [];
  for (const { network, sizes } of cases) {
    const shape = { ...shapeOf("transformer", "teacher"), ...sizes };
    const graph = new Graph();
    const logits =
      network === "transformer" ? rankingServing(graph, shape).logits : tasteLogits(graph, shape);
    const model = await loadModel(compileServing({ logits }, firstWeights(graph)));
    const feeds = only(requestOf(shape, "request"), model.inputNames);
    const [batch, singly] = [oneEach(feeds), single(feeds)];
    const once = (): Promise<Float32Array> => logitsOf(model, feeds);
    const inBatch = (): Promise<Float32Array> => logitsOf(model, batch);
    const oneByOne = async (): Promise<Float32Array> => {
      const all = [];
      for (const own of singly) all.push(...(await logitsOf(model, own)));
      return Float32Array.from(all);
    };
    const together = await once();
    const apart = [await inBatch(), await oneByOne()];
    const difference = Math.max(
      ...apart.map((found) => found.reduce((most, x, i) => Math.max(most, Math.abs(x - together[i]!)), 0)),
    );
    const half = { ...plan, rounds: Math.ceil(plan.rounds / 2) };
    const times = await interleaved(half, { once, inBatch, oneByOne }, { inBatch: 1, oneByOne: 1 });
    const cheaper = (than: string) =>
      spread(times.get(than)!.map((ms, round) => ms / times.get("once")![round]!));
    rows.push({
      network,
      width: sizes.width,
      blocks: sizes.blocks,
      "once cpu_ms": spread(times.get("once")!),
      "for each, in a batch cpu_ms": spread(times.get("inBatch")!),
      "times cheaper": cheaper("inBatch"),
      "for each, one by one cpu_ms": spread(times.get("oneByOne")!),
      "times cheaper than one by one": cheaper("oneByOne"),
      "largest difference of a logit": rounded(difference),
    });
    await model.close();
  }
  return rows;
}

function shapeOf(architecture: RankingArchitecture, size: Size): RankingShape {
  return {
    architecture,
    requestFeatures: FEATURES.request,
    candidateFeatures: FEATURES.candidate,
    requestScaling: scalingOf(FEATURES.request),
    candidateScaling: scalingOf(FEATURES.candidate),
    popularityColumns: [0, 1, 2, 3],
    heads: 4,
    baseLogits: [-1, -1, -1, -1],
    items: 8000,
    creators: 6000,
    categories: 60,
    visits: VISITS,
    visitColumns: 8,
    dropout: 0,
    idDropout: 0,
    ...SIZES[size],
  };
}

/** Every third feature is yes or no, the others have RANGES ranges. */
function scalingOf(features: number): FeatureScaling {
  const boundaries = Float32Array.from({ length: features * (RANGES + 1) }, (_, i) => {
    const [feature, at] = [Math.floor(i / (RANGES + 1)), i % (RANGES + 1)];
    return feature % 3 === 0 ? Number(at > RANGES / 2) : (4 * at) / RANGES - 2;
  });
  return { means: new Float32Array(features), deviations: new Float32Array(features).fill(1), boundaries };
}

/** Operations of the products that a network is made of, for CANDIDATES and VISITS. */
function flopsOf(shape: RankingShape): number {
  const { architecture, heads, hidden, piecewise, width: d, blocks, embedding, visitColumns } = shape;
  const ids = 3 * embedding;
  if (architecture === "popularity") return 2 * CANDIDATES * heads;
  if (architecture === "logistic") {
    return 2 * heads * (CANDIDATES * FEATURES.candidate + FEATURES.request);
  }
  const first = hidden[0]!;
  const second = hidden[1]!;
  const deep = hidden.slice(1).reduce((sum, width, i) => sum + hidden[i]! * width, 0);
  let candidate =
    ((piecewise ? rangesOf(FEATURES.candidate) : FEATURES.candidate) + ids) * first +
    deep +
    hidden.at(-1)! * heads;
  const request = rangesOf(FEATURES.request) * first;
  let visit = 0;
  if (architecture !== "feature-network") {
    // Tokens or queries, and what was found with its product with the ids.
    candidate += (ids + first) * d + ids * d + 2 * d * second;
    visit += (visitColumns + ids) * d;
  }
  if (architecture === "target-attention") {
    candidate += 2 * VISITS * d;
    visit += 2 * d ** 2;
  }
  if (architecture === "transformer") {
    const after = (1 + 2 * INNER) * d ** 2;
    candidate += blocks * (3 * d ** 2 + 2 * VISITS * d + after);
    visit += blocks * 3 * d ** 2 + (blocks - 1) * (2 * VISITS * d + after);
  }
  return 2 * (CANDIDATES * candidate + VISITS * visit + request);
}

function rangesOf(features: number): number {
  const yesOrNo = Math.ceil(features / 3);
  return yesOrNo + (features - yesOrNo) * RANGES;
}

/** Those that a training begins with, but for the heads, which begin at 0. */
function firstWeights(graph: Graph): Weights {
  const random = new Random("bench/ranking");
  return Object.fromEntries(
    graph.parameters.map(({ tensor: { name }, shape, initializer }) => {
      const own = random.fork(name);
      const head = name === "heads.weights" || name === "taste.heads.weights";
      const first = initializer(shape, own);
      return [name, head ? first.map(() => 0.3 * own.normal()) : first];
    }),
  );
}

function requestOf(shape: RankingShape, seed: string): Feeds {
  const random = new Random(`bench/ranking ${seed}`);
  const floats = (...dims: number[]): Value => ({
    data: Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
    dims,
  });
  const codes = (count: number, ...dims: number[]): Value => ({
    data: Int32Array.from({ length: sizeOf(dims) }, () => random.int(count)),
    dims,
  });
  return {
    request: floats(1, shape.requestFeatures),
    candidates: floats(1, CANDIDATES, shape.candidateFeatures),
    items: codes(shape.items, 1, CANDIDATES),
    creators: codes(shape.creators, 1, CANDIDATES),
    categories: codes(shape.categories, 1, CANDIDATES),
    history_items: codes(shape.items, 1, VISITS),
    history_creators: codes(shape.creators, 1, VISITS),
    history_categories: codes(shape.categories, 1, VISITS),
    history_facts: floats(1, VISITS, shape.visitColumns),
    history_present: { data: new Float32Array(VISITS).fill(1), dims: [1, VISITS] },
  };
}

/** The candidates as requests of one candidate, each with the whole history. */
function oneEach(feeds: Feeds): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims }]) => {
      if (dims[1] === CANDIDATES) return [name, { data, dims: [CANDIDATES, 1, ...dims.slice(2)] }];
      const all =
        data instanceof Int32Array
          ? new Int32Array(CANDIDATES * data.length)
          : new Float32Array(CANDIDATES * data.length);
      const own = data as Int32Array | Float32Array; // what `requestOf` makes
      for (let i = 0; i < CANDIDATES; i++) all.set(own, i * own.length);
      return [name, { data: all, dims: [CANDIDATES, ...dims.slice(1)] }];
    }),
  );
}

/** The same as requests of their own. */
function single(feeds: Feeds): readonly Feeds[] {
  return Array.from({ length: CANDIDATES }, (_, at) =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, value]): [string, Value] => {
        const { data, dims } = value;
        if (dims[1] !== CANDIDATES) return [name, value];
        const width = data.length / CANDIDATES;
        return [name, { data: data.slice(at * width, (at + 1) * width), dims: [1, 1, ...dims.slice(2)] }];
      }),
    ),
  );
}

/** CPU milliseconds of a call, round by round; `calls` of it a round where not `requests`. */
async function interleaved(
  { rounds, requests }: Plan,
  variants: Readonly<Record<string, () => Promise<unknown>>>,
  calls: Readonly<Record<string, number>>,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(Object.keys(variants).map((name) => [name, []]));
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const names = Object.keys(variants);
    for (const name of round % 2 === 0 ? names : names.reverse()) {
      const count = calls[name] ?? requests;
      const began = process.cpuUsage();
      for (let i = 0; i < count; i++) await variants[name]!();
      const { user, system } = process.cpuUsage(began);
      if (round > 0) times.get(name)!.push((user + system) / 1000 / count);
    }
  }
  return times;
}

async function logitsOf(model: Model, feeds: Feeds): Promise<Float32Array> {
  return (await model.run(feeds))["logits"]!.data as Float32Array; // as the graph declares
}

function only(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
