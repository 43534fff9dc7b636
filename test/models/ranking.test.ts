/** Ranking networks of every architecture: gradients, isolation of candidates, what is unknown, and the loss of lists. */
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  POSITIONS,
  RANKING_ARCHITECTURES,
  type RankingShape,
  rankingLogits,
  rankingLoss,
  rankingServing,
} from "../../src/models/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import {
  adamW,
  calibrate,
  compileServing,
  compileTraining,
  type Feeds,
  Graph,
  gradients,
  loadModel,
  type Model,
  type Tensor,
  type Value,
  type Weights,
} from "../../src/tensor/index.ts";
import { anyAnswers, anyRequests, anyScaling, anyWeights, only, smallShape } from "./any-ranking.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(bytes: Uint8Array): Promise<Model> {
  const model = await loadModel(bytes);
  opened.push(model);
  return model;
}

type Score = (feeds: Feeds) => Promise<number[]>;

/** The logits of a graph under normal weights, row-major. */
async function scoring(graph: Graph, logits: Tensor, weights: Weights): Promise<Score> {
  const model = await open(compileServing({ logits }, weights));
  expect(graph.inputs.map(({ name }) => name)).toEqual(expect.arrayContaining([...model.inputNames]));
  return async (feeds) => {
    const answer = await model.run(only(feeds, model.inputNames));
    return Array.from(answer["logits"]!.data, Number);
  };
}

function serving(shape: RankingShape): Promise<Score> {
  const graph = new Graph();
  const { logits } = rankingServing(graph, shape);
  return scoring(graph, logits, anyWeights(graph, new Random("weights")));
}

/** Elements from .. to of axis 1 of every input that has candidates. */
function candidatesOf(feeds: Feeds, from: number, to: number): Feeds {
  return { ...feeds, ...cut(feeds, ["candidates", "items", "creators", "categories"], from, to) };
}

function cut(feeds: Feeds, names: readonly string[], from: number, to: number): Feeds {
  return Object.fromEntries(
    names.map((name) => {
      const { data, dims } = feeds[name]!;
      const [, size, ...rest] = dims;
      const width = rest.reduce((a, b) => a * b, 1);
      expect(data.length, "one request").toBe(size! * width);
      return [name, { data: data.slice(from * width, to * width), dims: [1, to - from, ...rest] } as Value];
    }),
  );
}

const HISTORY = ["items", "creators", "categories", "facts", "present"].map((name) => `history_${name}`);

/** Several requests of one each as one batch, filled up with numbers that must not matter. */
function batched(requests: readonly Feeds[]): Feeds {
  return Object.fromEntries(
    Object.keys(requests[0]!).map((name) => {
      const parts = requests.map((feeds) => feeds[name]!);
      const rank = parts[0]!.dims.length;
      const longest = Math.max(...parts.map(({ dims }) => dims[1]!));
      if (rank === 2 && name === "request") {
        const data = Float32Array.from(parts.flatMap(({ data }) => Array.from(data, Number)));
        return [name, { data, dims: [parts.length, longest] }];
      }
      const width = rank === 3 ? parts[0]!.dims[2]! : 1;
      // Ids that some candidate has, facts and features far from all others; nothing is present there.
      const filling = name === "history_present" ? 0 : rank === 3 ? 50 : 1;
      const rows = parts.flatMap(({ data }) => {
        const own = Array.from(data, Number);
        return [...own, ...new Array<number>(longest * width - own.length).fill(filling)];
      });
      const floats = parts[0]!.data instanceof Float32Array;
      const data = floats ? Float32Array.from(rows) : Int32Array.from(rows);
      return [name, { data, dims: [parts.length, longest, ...(rank === 3 ? [width] : [])] }];
    }),
  );
}

function expectClose(found: readonly number[], expected: readonly number[], within = 1e-5): void {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!), `element ${i}: ${value} and ${expected[i]}`).toBeLessThan(within);
  });
}

describe.each(RANKING_ARCHITECTURES)("%s", (architecture) => {
  const shape = smallShape(architecture);
  const perList = shape.heads;

  it("has the gradients that finite differences find", async () => {
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape);
    const parameters = graph.parameters.map(({ tensor }) => tensor);
    const found = gradients(loss, parameters);
    const slopes = Object.fromEntries(parameters.map(({ name }, i) => [`d.${name}`, found[i]!]));
    const sizes = { batch: 2, size: 3, visits: 3 };
    const feeds = { ...anyRequests(shape, sizes), ...anyAnswers(shape, sizes) };
    const weights = anyWeights(graph, new Random("weights"));
    const model = await open(compile({ loss }, undefined));
    const exact = await (await open(compileServing(slopes, weights))).run(
      only(
        feeds,
        graph.inputs.map(({ name }) => name),
      ),
    );
    const lossOf = async (changed: Weights): Promise<number> => {
      const values = Object.entries(changed).map(([name, data]) => {
        const parameter = graph.parameters.find(({ tensor }) => tensor.name === name)!;
        return [name, { data, dims: parameter.shape }] as const;
      });
      const inputs = only({ ...feeds, ...Object.fromEntries(values) }, model.inputNames);
      return Number((await model.run(inputs))["loss"]!.data[0]);
    };
    const random = new Random("directions");
    for (const { name } of parameters) {
      // Along a direction that all elements of the parameter share in.
      const direction = Float32Array.from(weights[name]!, () => random.normal());
      const step = 1e-2 / Math.sqrt(direction.length);
      const moved = (by: number): Weights => ({
        ...weights,
        [name]: weights[name]!.map((weight, i) => weight + by * direction[i]!),
      });
      const difference = ((await lossOf(moved(step))) - (await lossOf(moved(-step)))) / (2 * step);
      const slope = direction.reduce((sum, d, i) => sum + d * Number(exact[`d.${name}`]!.data[i]), 0);
      expect(Math.abs(difference - slope), name).toBeLessThan(2e-3 + 0.01 * Math.abs(slope));
    }
  });

  it("gives a candidate the same logits whoever else is in the list", async () => {
    const scores = await serving(shape);
    const feeds = anyRequests(shape, { size: 500, visits: 6 }, new Random("candidates"));
    const all = await scores(feeds);
    for (const [from, to] of [
      [0, 1],
      [499, 500],
      [17, 24],
      [250, 500],
    ] as const) {
      expectClose(await scores(candidatesOf(feeds, from, to)), all.slice(from * perList, to * perList));
    }
  });

  it("gives a candidate the same logits alone as in a batch of longer and shorter lists and histories", async () => {
    const scores = await serving(shape);
    const random = new Random("requests");
    const requests = [
      anyRequests(shape, { size: 3, visits: 5 }, random),
      anyRequests(shape, { size: 7, visits: 1 }, random),
      anyRequests(shape, { size: 1, visits: 8 }, random),
    ];
    const together = await scores(batched(requests));
    for (const [b, request] of requests.entries()) {
      const alone = await scores(request);
      const from = b * 7 * perList;
      expectClose(together.slice(from, from + alone.length), alone);
    }
  });

  it("says something finite of a user without history, however that is told", async () => {
    const scores = await serving(shape);
    const feeds = anyRequests(shape, { size: 4, visits: 3 });
    const absent = { ...feeds, history_present: { data: new Float32Array(3), dims: [1, 3] } };
    const one = { ...feeds, ...cut(absent, HISTORY, 0, 1) };
    const found = await scores(absent);
    expect(found.every(Number.isFinite)).toBe(true);
    expectClose(await scores(one), found);
  });

  it("says something finite of an item, a creator and a category that training did not know", async () => {
    const scores = await serving(shape);
    const unknown = (dims: number[]): Value => ({ data: new Int32Array(dims[0]! * dims[1]!), dims });
    const feeds = anyRequests(shape, { size: 4, visits: 3 });
    const found = await scores({
      ...feeds,
      ...Object.fromEntries(
        ["items", "creators", "categories"].flatMap((name) => [
          [name, unknown([1, 4])],
          [`history_${name}`, unknown([1, 3])],
        ]),
      ),
    });
    expect(found.every(Number.isFinite)).toBe(true);
  });

  it("serves what it computes in training without dropout, and without the logits of positions", async () => {
    const training = new Graph({ training: true });
    const trained = rankingLogits(training, shape);
    const weights = anyWeights(training, new Random("weights"));
    const graph = new Graph();
    const { logits } = rankingServing(graph, { ...shape, dropout: 0.5, idDropout: 0.5 });
    const names = (of: Graph): string[] => of.parameters.map(({ tensor }) => tensor.name).sort();
    expect(names(graph)).toEqual(names(training));
    const feeds = anyRequests(shape, { size: 6, visits: 5 });
    const served = await (await scoring(graph, logits, weights))(feeds);
    expectClose(served, await (await scoring(training, trained, weights))(feeds));
    const withLoss = new Graph({ training: true });
    rankingLoss(withLoss, shape);
    expect(names(withLoss)).toEqual([...names(training), "position.logits"].sort());
  });

  // Of popularity, the columns are the base rates.
  it.skipIf(architecture === "popularity")("begins at the base rates", async () => {
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape);
    const training = await compileTraining({ loss, optimizer: adamW(), random: new Random(1) });
    opened.push(training);
    const own = new Graph();
    const scores = await scoring(own, rankingServing(own, shape).logits, training.weights());
    const found = await scores(anyRequests(shape, { size: 9, visits: 5 }));
    found.forEach((logit, i) => {
      expect(logit).toBeCloseTo(shape.baseLogits[i % perList]!, 5);
    });
  });
});

describe.each(["feature-network", "target-attention", "transformer"] as const)("%s in training", (name) => {
  it("takes a share of the ids as unknown, other ones with each key", async () => {
    const shape = smallShape(name, { idDropout: 0.5 });
    const graph = new Graph({ training: true });
    const logits = rankingLogits(graph, shape);
    const scores = await scoring(graph, logits, anyWeights(graph, new Random("weights")));
    const feeds = anyRequests(shape, { size: 6, visits: 5 });
    const withKey = (key: number): Promise<number[]> =>
      scores({ ...feeds, "dropout.key": { data: BigInt64Array.of(BigInt(key)), dims: [] } });
    expect(await withKey(1)).toEqual(await withKey(1));
    expect(await withKey(1)).not.toEqual(await withKey(2));
  });

  it("learns which items a user takes from which items the user took, where features say nothing", async () => {
    // Users of two tastes: who took items of one half takes only these. Creators say nothing either.
    const shape = smallShape(name, { items: 21, baseLogits: [0, 0], hidden: [16, 8], blocks: 1 });
    const random = new Random("tastes");
    const sizes = { batch: 16, size: 6, visits: 5 };
    const feeds = (): Feeds => {
      const requests = anyRequests(shape, sizes, random);
      const answers = anyAnswers(shape, sizes, random);
      for (const name of ["request", "candidates"]) (requests[name]!.data as Float32Array).fill(0);
      const tastes = Array.from({ length: sizes.batch }, () => random.int(2));
      const items = requests["items"]!.data as Int32Array;
      const visited = requests["history_items"]!.data as Int32Array;
      for (let i = 0; i < visited.length; i++) {
        visited[i] = 1 + tastes[Math.floor(i / sizes.visits)]! * 10 + random.int(10);
      }
      const targets = answers["targets"]!.data as Float32Array;
      const labels = answers["labels"]!.data as Float32Array;
      for (let i = 0; i < items.length; i++) {
        items[i] = 1 + random.int(20);
        const taken = Math.floor((items[i]! - 1) / 10) === tastes[Math.floor(i / sizes.size)]!;
        targets[i] = Number(taken);
        labels.fill(Number(taken), i * 2, i * 2 + 2);
      }
      const ones = { data: new Float32Array(labels.length).fill(1), dims: [sizes.batch, sizes.size, 2] };
      const offsets = { data: new Float32Array(targets.length), dims: [sizes.batch, sizes.size] };
      const noLists = { data: new Float32Array(sizes.batch), dims: [sizes.batch] };
      return { ...requests, ...answers, weights: ones, offsets, list_weights: noLists };
    };
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape);
    // How soon a transformer leaves chance depends on the draw: from here it takes a few hundred steps, from others 1,000.
    const training = await compileTraining({ loss, optimizer: adamW(), random: new Random(5) });
    opened.push(training);
    const names = graph.inputs.map(({ name }) => name);
    const losses: number[] = [];
    for (let step = 0; step < 800; step++) {
      losses.push((await training.step(only(feeds(), names), { learningRate: 0.01 })).loss);
    }
    const last = losses.slice(-20).reduce((sum, value) => sum + value, 0) / 20;
    expect(losses[0]).toBeCloseTo(Math.log(2), 1);
    // The feature network has no history: it cannot do better than chance.
    if (name === "feature-network") expect(last).toBeGreaterThan(0.6);
    else expect(last).toBeLessThan(0.15);
  });
});

describe.each(["feature-network", "target-attention", "transformer"] as const)("%s in 8 bits", (name) => {
  const shape = smallShape(name, {
    candidateFeatures: 30,
    candidateScaling: anyScaling(30),
    hidden: [64, 64],
    width: 64,
    attentionHeads: 4,
  });
  const sizes = { size: 60, visits: 6 };
  const samples = [1, 2, 3].map((seed) => anyRequests(shape, sizes, new Random(seed)));

  async function both(): Promise<{ readonly exact: Score; readonly eight: Score; readonly share: number }> {
    const graph = new Graph();
    const { logits } = rankingServing(graph, shape);
    const weights = anyWeights(graph, new Random("weights"), 0.1);
    const small = compileServing({ logits }, weights, {
      int8: await calibrate({ logits }, weights, samples),
    });
    const model = await open(small);
    return {
      exact: await scoring(graph, logits, weights),
      eight: async (feeds) =>
        Array.from((await model.run(only(feeds, model.inputNames)))["logits"]!.data, Number),
      share: small.length / compileServing({ logits }, weights).length,
    };
  }

  it("says almost what it says in float32: probabilities within 0.02, from a file of two thirds", async () => {
    const { exact, eight, share } = await both();
    const feeds = anyRequests(shape, sizes);
    const probabilities = (logits: readonly number[]): number[] => logits.map((x) => 1 / (1 + Math.exp(-x)));
    const found = await eight(feeds);
    expect(found).not.toEqual(await exact(feeds));
    expectClose(probabilities(found), probabilities(await exact(feeds)), 0.02);
    expect(share).toBeLessThan(0.67);
  });

  it("gives a candidate the same logits whoever else is in the list, to the bit", async () => {
    const { eight, exact: float32 } = await both();
    const feeds = anyRequests(shape, { size: 500, visits: 6 });
    const all = await eight(feeds);
    for (const [from, to] of [
      [0, 1],
      [123, 124],
      [499, 500],
      [17, 24],
      [3, 103],
    ] as const) {
      expect(await eight(candidatesOf(feeds, from, to))).toEqual(all.slice(from * 2, to * 2));
    }
    // What is rounded to 8 bits falls to the same side because it has the same bits in float32.
    const exact = await float32(feeds);
    for (let at = 0; at < 20; at++) {
      expect(await float32(candidatesOf(feeds, at, at + 1))).toEqual(exact.slice(at * 2, at * 2 + 2));
    }
  });
});

describe("the code of features", () => {
  it("is 0 below a range, 1 above it and linear within; ranges without a width are left out", async () => {
    const shape = smallShape("feature-network", {
      candidateFeatures: 1,
      candidateScaling: {
        means: Float32Array.of(0),
        deviations: Float32Array.of(1),
        boundaries: Float32Array.of(0, 0, 0, 2, 6),
      },
      popularityColumns: [0, 0],
    });
    const graph = new Graph();
    const { logits } = rankingServing(graph, shape);
    const weights = anyWeights(graph, new Random(1), 0);
    // The first hidden column goes straight to the first head; the standardised feature comes before its ranges.
    weights["first.candidate.weights"]!.set([10], shape.hidden[0]!);
    weights["first.candidate.weights"]!.set([1], 2 * shape.hidden[0]!);
    expect(weights["first.candidate.weights"]!.length).toBe(3 * shape.hidden[0]!);
    const scores = await scoring(graph, logits, weights);
    const feeds = anyRequests(shape, { size: 6 });
    const values = Float32Array.of(-5, 0, 1, 2, 5, 99);
    const found = await scores({ ...feeds, candidates: { data: values, dims: [1, 6, 1] } });
    expectClose(
      found.filter((_, i) => i % 2 === 0),
      [0, 0, 5, 10, 10.75, 11],
    );
  });

  it("is there for the request's features, whether candidates have one or not", async () => {
    const shape = smallShape("feature-network", {
      piecewise: false,
      requestFeatures: 1,
      requestScaling: {
        means: Float32Array.of(0),
        deviations: Float32Array.of(1),
        boundaries: Float32Array.of(0, 0, 0, 2, 6),
      },
    });
    const graph = new Graph();
    const { logits } = rankingServing(graph, shape);
    const weights = anyWeights(graph, new Random(1), 0);
    expect(weights["first.candidate.weights"]!.length).toBe(shape.candidateFeatures * shape.hidden[0]!);
    weights["first.request.weights"]!.set([10], shape.hidden[0]!);
    const scores = await scoring(graph, logits, weights);
    const feeds = anyRequests(shape, { batch: 3, size: 1 });
    const found = await scores({ ...feeds, request: { data: Float32Array.of(-5, 1, 99), dims: [3, 1] } });
    expectClose(
      found.filter((_, i) => i % 2 === 0),
      [0, 5, 10],
    );
  });
});

describe("the loss", () => {
  const shape = smallShape("popularity", { popularityColumns: [0, 1] });
  /** Logits of both heads and both candidates' features as they are. */
  const plain: Weights = {
    "heads.scale": Float32Array.of(1, 1),
    "heads.bias": new Float32Array(2),
    "position.logits": new Float32Array(POSITIONS * 2),
  };

  interface List {
    /** Logits of the first head; those of the second one are 0. */
    readonly logits: readonly number[];
    readonly targets: readonly number[];
    readonly labels?: readonly number[];
    readonly offsets?: readonly number[];
    readonly positions?: readonly number[];
    readonly weight?: number;
  }

  /** List losses, of the first head, count `lists`; the weights of single candidates are 1, of the first head alone. */
  async function lossOf(given: readonly List[], lists: number, changed: Weights = {}): Promise<number> {
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape);
    const model = await open(compileServing({ loss }, { ...plain, ...changed }));
    const size = Math.max(...given.map(({ logits }) => logits.length)) + 1; // always filled up
    const dims = [given.length, size];
    const column = (of: (list: List) => readonly number[] | undefined): Float32Array =>
      Float32Array.from(
        given.flatMap((list) => Array.from({ length: size }, (_, slot) => of(list)?.[slot] ?? 0)),
      );
    const first = column(({ logits }) => logits);
    const present = column(({ logits }) => logits.map(() => 1));
    const answer = await model.run({
      candidates: {
        data: Float32Array.from([...first].flatMap((logit) => [logit, 0, 0, 0])),
        dims: [...dims, 4],
      },
      targets: { data: column(({ targets }) => targets), dims },
      offsets: { data: column(({ offsets }) => offsets), dims },
      present: { data: Uint8Array.from(present), dims },
      list_heads: { data: Float32Array.from(given.flatMap(() => [1, 0])), dims: [given.length, 2] },
      list_weights: {
        data: Float32Array.from(given, ({ weight }) => lists * (weight ?? 1)),
        dims: [given.length],
      },
      labels: {
        data: Float32Array.from(
          [...column(({ labels, targets }) => labels ?? targets)].flatMap((l) => [l, 0]),
        ),
        dims: [...dims, 2],
      },
      weights: { data: Float32Array.from([...present].flatMap((w) => [w, 0])), dims: [...dims, 2] },
      positions: {
        data: BigInt64Array.from(
          column(({ positions }) => positions),
          (position) => BigInt(position),
        ),
        dims,
      },
    });
    return Number(answer["loss"]!.data[0]);
  }

  it("of a network that knows nothing is log(candidates) for a list and log 2 for a candidate", async () => {
    const list: List = { logits: [0, 0, 0, 0], targets: [0, 1, 0, 0] };
    expect(await lossOf([list], 1)).toBeCloseTo(Math.log(4) + Math.log(2), 5);
    expect(await lossOf([list], 0.5)).toBeCloseTo(Math.log(4) / 2 + Math.log(2), 5);
    expect(await lossOf([list], 0)).toBeCloseTo(Math.log(2), 5);
  });

  it("of a list of one candidate, or of no target, has nothing for the list", async () => {
    expect(await lossOf([{ logits: [3], targets: [1] }], 1)).toBeCloseTo(Math.log(1 + Math.exp(-3)), 5);
    expect(await lossOf([{ logits: [0, 0], targets: [0, 0] }], 1)).toBeCloseTo(Math.log(2), 5);
  });

  it("multiplies each list's loss with its weight", async () => {
    const two: List = { logits: [0, 0], targets: [1, 0] };
    const four: List = { logits: [0, 0, 0, 0], targets: [1, 0, 0, 0] };
    const expected = (3 * Math.log(2) + Math.log(4)) / 2 + Math.log(2);
    expect(await lossOf([{ ...two, weight: 3 }, four], 1)).toBeCloseTo(expected, 5);
    expect(await lossOf([two, { ...four, weight: 0 }], 1)).toBeCloseTo(1.5 * Math.log(2), 5);
    expect(await lossOf([{ ...two, weight: 0 }], 1)).toBeCloseTo(Math.log(2), 5);
  });

  it("lets a sampled candidate stand for as many as its offset says", async () => {
    const offsets = [0, Math.log(5), Math.log(5)];
    const list: List = { logits: [0, 0, 0], targets: [1, 0, 0], offsets };
    expect(await lossOf([list], 1)).toBeCloseTo(Math.log(11) + Math.log(2), 5);
  });

  it("takes soft labels: the least it can be is their entropy", async () => {
    const list: List = { logits: [Math.log(3)], targets: [0], labels: [0.75] };
    const entropy = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25);
    expect(await lossOf([list], 0)).toBeCloseTo(entropy, 5);
  });

  it("adds to every logit that of the slot's position", async () => {
    const byPosition = new Float32Array(POSITIONS * 2);
    byPosition.set([Math.log(3), 0], 2);
    byPosition.set([Math.log(7), 0], 2 * (POSITIONS - 1));
    // The first slot is what the others are measured by: whatever its row holds counts as 0.
    byPosition.set([5, 5], 0);
    const list: List = { logits: [0, 0, 0], targets: [1, 0, 0], positions: [1, POSITIONS - 1, 0] };
    const inList = Math.log(11) - Math.log(3);
    const single = (Math.log(4) - Math.log(3) + Math.log(8) + Math.log(2)) / 3;
    expect(await lossOf([list], 1, { "position.logits": byPosition })).toBeCloseTo(inList + single, 5);
  });
});

it("a feature that never varied changes nothing", async () => {
  const shape = smallShape("logistic", { candidateScaling: anyScaling(4) });
  const scores = await serving(shape);
  const feeds = anyRequests(shape, { size: 2 });
  const changed = feeds["candidates"]!.data.slice() as Float32Array;
  changed[3] = 1e6;
  expectClose(
    await scores({ ...feeds, candidates: { data: changed, dims: [1, 2, 4] } }),
    await scores(feeds),
  );
});
