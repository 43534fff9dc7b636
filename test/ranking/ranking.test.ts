/** Networks as a ranker: what they take, what they refuse, and that candidates do not see each other. */
import { afterEach, describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import { HOUR, Random, UpnextError } from "../../src/core/index.ts";
import { ACTIONS, evidence, INTERACTION_TYPE_NAMES, interactionCode } from "../../src/events/index.ts";
import { MAX_VISITS, visitsOf } from "../../src/features/index.ts";
import { type RankingArchitecture, rankingServing } from "../../src/models/index.ts";
import {
  blendHeads,
  HEADS,
  inputsOf,
  type NetworkRanker,
  networkRanker,
  type RankerHeader,
  type RankingInput,
  VISIT_COLUMNS,
  vocabularyOf,
} from "../../src/ranking/index.ts";
import { candidatesOf } from "../../src/retrieval/index.ts";
import { compileServing, type Feeds, Graph } from "../../src/tensor/index.ts";
import { anyRequests, anyWeights, smallShape } from "../models/any-ranking.ts";
import { extend, itemOf, NOW, queryOver, upsert } from "../retrieval/checkerboard.ts";

const sizes = { visitColumns: VISIT_COLUMNS, visits: MAX_VISITS };
const shape = smallShape("transformer", sizes);
const REQUEST = shape.requestFeatures;
const CANDIDATE = shape.candidateFeatures;
const header: RankerHeader = {
  name: "tiny",
  heads: ["engage", "approve"],
  fingerprint: "print",
  requestFeatures: REQUEST,
  candidateFeatures: CANDIDATE,
  vocabulary: { items: shape.items, creators: shape.creators, categories: shape.categories },
  calibration: [
    { scale: 1, shift: 0 },
    { scale: 1, shift: 0 },
  ],
};

const made = new Map<string, Uint8Array>();

function tinyModel(seed = "tiny", architecture: RankingArchitecture = "transformer"): Uint8Array {
  const known = made.get(`${seed}/${architecture}`);
  if (known !== undefined) return known;
  const graph = new Graph();
  const outputs = rankingServing(graph, smallShape(architecture, sizes));
  const model = compileServing(outputs, anyWeights(graph, new Random(seed)));
  made.set(`${seed}/${architecture}`, model);
  return model;
}

const opened: NetworkRanker[] = [];
afterEach(async () => {
  for (const ranker of opened.splice(0)) await ranker.close();
});

async function tinyRanker(
  own = header,
  models: readonly Uint8Array[] = [tinyModel()],
): Promise<NetworkRanker> {
  const ranker = await networkRanker(own, models);
  opened.push(ranker);
  return ranker;
}

/** Of one request with `size` candidates and a few visits. */
function anyInputs(size: number, seed = 1): Feeds {
  return anyRequests(shape, { size, visits: 4 }, new Random(seed));
}

/** The same request with the chosen candidates. */
function chosenOf(inputs: Feeds, chosen: Int32Array): Feeds {
  const own = ["candidates", "items", "creators", "categories"].map((name) => {
    const { data, dims } = inputs[name]!;
    const width = dims[2] ?? 1;
    const numbers = Array.from(chosen, (row) =>
      Array.from(data.subarray(row * width, (row + 1) * width), Number),
    );
    const picked =
      data instanceof Float32Array ? Float32Array.from(numbers.flat()) : Int32Array.from(numbers.flat());
    return [name, { data: picked, dims: [1, chosen.length, ...dims.slice(2)] }] as const;
  });
  return { ...inputs, ...Object.fromEntries(own) };
}

const logit = (p: number): number => Math.log(p / (1 - p));

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, within = 1e-6): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(within);
}

/** Items of which each has a creator and a category of its own, for as many as there are. */
function catalogOf(items: number): Catalog {
  const catalog = createCatalog();
  grow(catalog, 0, items);
  return catalog;
}

function grow(catalog: Catalog, from: number, to: number): void {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  extend(
    catalog,
    rows.map((row) =>
      upsert(itemOf(row), NOW - HOUR, { creator: `c${row}`, categories: [`k${row}`, "more"], duration: 60 }),
    ),
  );
}

/** A request for candidates `rows` of a user who clicked `history`, with features of chance. */
function inputOver(catalog: Catalog, rows: readonly number[], history: readonly number[] = []): RankingInput {
  const query = queryOver(history, { size: catalog.size });
  const random = new Random("features");
  return {
    query,
    catalog,
    candidates: candidatesOf([], Int32Array.from(rows)),
    visits: visitsOf(query.history, catalog),
    features: {
      request: Float32Array.from({ length: REQUEST }, () => random.normal()),
      candidates: Float32Array.from({ length: rows.length * CANDIDATE }, () => random.normal()),
    },
  };
}

describe("the network ranker", () => {
  it("has the name, heads and fingerprint of its header", async () => {
    expect(await tinyRanker()).toMatchObject({ name: "tiny", heads: header.heads, fingerprint: "print" });
  });

  it.each([1, 2, 500])(
    "gives %i candidates a probability for every head, strictly between 0 and 1",
    async (size) => {
      const columns = await (await tinyRanker()).scoreInputs(anyInputs(size));
      expect(columns).toHaveLength(2);
      for (const column of columns) {
        expect(column).toHaveLength(size);
        expect(column.every((p) => p > 0 && p < 1)).toBe(true);
      }
      expect(columns[0]).not.toEqual(columns[1]);
    },
  );

  it("scores the candidates of a request by what the network reads of them and of the user", async () => {
    const ranker = await tinyRanker();
    const catalog = catalogOf(8);
    const input = inputOver(catalog, [4, 7, 2], [1, 3]);
    const scores = await ranker.score(input);
    expect(scores).toEqual(await ranker.scoreInputs(inputsOf(header, input)));
    const other = inputOver(catalog, [4, 7, 2], [3, 1]);
    expect(await ranker.score(other)).not.toEqual(scores);
  });

  it("gives no candidates an empty column for every head", async () => {
    const none = [new Float32Array(0), new Float32Array(0)];
    const ranker = await tinyRanker();
    expect(await ranker.score(inputOver(catalogOf(8), [], [1]))).toEqual(none);
    expect(await ranker.scoreInputs(anyInputs(0))).toEqual(none);
  });

  it("says something of a user without history, and the same whatever stands where no visit is", async () => {
    const ranker = await tinyRanker();
    const input = inputOver(catalogOf(8), [4, 7, 2]);
    const inputs = inputsOf(header, input);
    expect(inputs["history_present"]).toEqual({ data: Float32Array.of(0), dims: [1, 1] });
    const scores = await ranker.score(input);
    for (const column of scores) expect(column.every((p) => p > 0 && p < 1)).toBe(true);
    const facts = { data: new Float32Array(VISIT_COLUMNS).fill(9), dims: [1, 1, VISIT_COLUMNS] };
    const filled = {
      ...inputs,
      history_items: { data: Int32Array.of(3), dims: [1, 1] },
      history_facts: facts,
    };
    expect(await ranker.scoreInputs(filled)).toEqual(scores);
  });

  it("scores a candidate alone as among others, in whatever order they stand", async () => {
    const ranker = await tinyRanker();
    const rows = 100;
    const inputs = anyInputs(rows);
    const whole = await ranker.scoreInputs(inputs);
    const random = new Random("batches");
    for (const size of [1, 2, 3, 17, 64, 99, 100]) {
      const chosen = random.shuffle(Int32Array.from({ length: rows }, (_, i) => i)).slice(0, size);
      const scored = await ranker.scoreInputs(chosenOf(inputs, chosen));
      scored.forEach((column, head) => {
        expectClose(
          column,
          Array.from(chosen, (row) => whole[head]![row]!),
        );
      });
    }
  });

  it("scores the same inputs the same, to the bit, again and in another instance", async () => {
    const inputs = anyInputs(50);
    const ranker = await tinyRanker();
    const first = await ranker.scoreInputs(inputs);
    await ranker.scoreInputs(anyInputs(9, 2));
    expect(await ranker.scoreInputs(inputs)).toEqual(first);
    expect(await (await tinyRanker()).scoreInputs(inputs)).toEqual(first);
  });

  it("leaves the inputs as they were, and hands out columns that are the caller's", async () => {
    const inputs = anyInputs(5);
    const ranker = await tinyRanker();
    const first = await ranker.scoreInputs(inputs);
    const kept = structuredClone(first);
    first[0]!.fill(7);
    expect(inputs).toEqual(anyInputs(5));
    expect(await ranker.scoreInputs(inputs)).toEqual(kept);
  });

  it("takes the mean of the logits of several models, each with the inputs that it reads", async () => {
    const models = [tinyModel("a"), tinyModel("b"), tinyModel("c", "logistic")];
    const inputs = anyInputs(20);
    const alone: (readonly Float32Array[])[] = [];
    for (const model of models) alone.push(await (await tinyRanker(header, [model])).scoreInputs(inputs));
    const together = await (await tinyRanker(header, models)).scoreInputs(inputs);
    together.forEach((column, head) => {
      const expected = column.map((_, i) => alone.reduce((sum, one) => sum + logit(one[head]![i]!), 0) / 3);
      expectClose(column.map(logit), expected, 1e-4);
      expect(alone[0]![head]).not.toEqual(alone[1]![head]);
    });
    const twice = await (await tinyRanker(header, [models[0]!, models[0]!])).scoreInputs(inputs);
    expect(twice).toEqual(alone[0]);
  });

  it("scales and shifts the mean logit of each head by its own calibration", async () => {
    const inputs = anyInputs(20);
    const models = [tinyModel("a"), tinyModel("b")];
    const plain = await (await tinyRanker(header, models)).scoreInputs(inputs);
    const calibration = [
      { scale: 0.5, shift: -1 },
      { scale: 2, shift: 0.25 },
    ];
    const calibrated = await (await tinyRanker({ ...header, calibration }, models)).scoreInputs(inputs);
    calibrated.forEach((column, head) => {
      const { scale, shift } = calibration[head]!;
      expectClose(
        column.map(logit),
        plain[head]!.map((p) => scale * logit(p) + shift),
        1e-4,
      );
    });
  });

  it.each([
    ["a feature of the request too few", REQUEST - 1, 2 * CANDIDATE, 2],
    ["a feature of a candidate too many", REQUEST, 2 * CANDIDATE + 1, 2],
    ["candidates' features and no candidates", REQUEST, CANDIDATE, 0],
    ["candidates and no features", REQUEST, 0, 3],
  ])("refuses %s, and says what was expected", async (_, request, candidates, rows) => {
    const features = { request: new Float32Array(request), candidates: new Float32Array(candidates) };
    const all = [0, 1, 2].slice(0, rows);
    const scoring = (await tinyRanker()).score({ ...inputOver(catalogOf(8), all), features });
    await expect(scoring).rejects.toThrow(
      new UpnextError(
        "internal",
        `ranker tiny: expected ${REQUEST} features of the request and ${rows} × ${CANDIDATE} of candidates, got ${request} and ${candidates}`,
      ),
    );
    await expect(scoring).rejects.toMatchObject({ code: "internal" });
  });

  it.each([
    ["more features of candidates", { candidateFeatures: CANDIDATE + 1 }],
    ["fewer features of candidates", { candidateFeatures: CANDIDATE - 1 }],
    ["more features of the request", { requestFeatures: REQUEST + 1 }],
    ["more heads", { heads: ["engage", "approve", "long-watch"] }],
    ["fewer heads", { heads: ["engage"] }],
  ])("refuses a model whose header promises %s than it has", async (_, changed) => {
    const own = { ...header, ...changed };
    const input = inputOver(catalogOf(8), [0, 1, 2]);
    const features = {
      request: new Float32Array(own.requestFeatures),
      candidates: new Float32Array(3 * own.candidateFeatures),
    };
    const scoring = (await tinyRanker(own)).score({ ...input, features });
    await expect(scoring).rejects.toMatchObject({ code: "internal" });
  });

  it("refuses bytes that are no model, alone and after one that is, and no models at all", async () => {
    for (const models of [[Uint8Array.of(1, 2, 3)], [tinyModel(), Uint8Array.of(1, 2, 3)]]) {
      await expect(networkRanker(header, models)).rejects.toMatchObject({ code: "bundle_corrupt" });
    }
    await expect(networkRanker(header, [])).rejects.toThrow(
      new UpnextError("internal", "ranker tiny: expected one model at least, got none"),
    );
  });

  it("can be closed twice, and scores nothing afterwards", async () => {
    const ranker = await tinyRanker(header, [tinyModel("a"), tinyModel("b")]);
    await ranker.close();
    await ranker.close();
    await expect(ranker.scoreInputs(anyInputs(1))).rejects.toMatchObject({ code: "closed" });
  });
});

describe("the inputs of a network", () => {
  const vocabulary = vocabularyOf(catalogOf(3));
  const own = { ...header, vocabulary };
  const numbersOf = (inputs: Feeds, name: string) => Array.from(inputs[name]!.data, Number);

  it("are codes of what training knew, with 0 for the items and the creators that came after it", () => {
    const catalog = catalogOf(3);
    const { creator, categories, categoryOffsets } = catalog.items;
    grow(catalog, 3, 5);
    const inputs = inputsOf(own, inputOver(catalog, [4, 2, 0, 3], [1, 4, 2]));
    expect(numbersOf(inputs, "items")).toEqual([0, 3, 1, 0]);
    expect(numbersOf(inputs, "creators")).toEqual([0, creator[2], creator[0], 0]);
    const first = (row: number) => categories[categoryOffsets[row]!];
    expect(numbersOf(inputs, "categories")).toEqual([0, first(2), first(0), 0]);
    expect(numbersOf(inputs, "history_items")).toEqual([2, 0, 3]);
    expect(numbersOf(inputs, "history_creators")).toEqual([creator[1], 0, creator[2]]);
    expect(numbersOf(inputs, "history_categories")).toEqual([first(1), 0, first(2)]);
    expect(new Set([0, creator[0], creator[1], creator[2]]).size).toBe(4);
    expect(new Set([0, first(0), first(1), first(2)]).size).toBe(4);
  });

  it("are 0 for the creator and the category of an item that has none", () => {
    const catalog = catalogOf(2);
    extend(catalog, [upsert(itemOf(2), NOW - HOUR)]);
    const inputs = inputsOf(own, inputOver(catalog, [2, 1]));
    expect(numbersOf(inputs, "items")).toEqual([3, 2]);
    expect(numbersOf(inputs, "creators")[0]).toBe(0);
    expect(numbersOf(inputs, "categories")[0]).toBe(0);
  });

  it("give every visit its share watched, its actions, its place and its age, newest first", () => {
    const catalog = catalogOf(3);
    const touches = {
      items: Int32Array.of(1, 0),
      times: Float64Array.of(NOW - HOUR, NOW - 24 * HOUR),
      types: Uint8Array.of(interactionCode("watch"), interactionCode("like")),
      values: Float32Array.of(0.5, Number.NaN),
      here: Uint8Array.of(0, 1),
    };
    const input = inputOver(catalog, [2]);
    const inputs = inputsOf(own, { ...input, visits: visitsOf(touches, catalog) });
    const actions = (is: (name: string) => boolean) => ACTIONS.map(({ name }) => Number(is(name)));
    expectClose(numbersOf(inputs, "history_facts"), [
      ...[0.5, 1, ...actions((name) => name === "engage" || name === "long-watch"), 0, Math.log(61) / 10],
      ...[0, 0, ...actions((name) => name === "engage" || name === "approve"), 1, Math.log(1441) / 10],
    ]);
    expect(numbersOf(inputs, "history_present")).toEqual([1, 1]);
    expect(inputs["history_facts"]!.dims).toEqual([1, 2, VISIT_COLUMNS]);
  });
});

describe("blending heads", () => {
  it("is the weighted sum of their probabilities", () => {
    const heads = [Float32Array.of(0.5, 0.25), Float32Array.of(0.125, 1)];
    expect(blendHeads(heads, [1, 2])).toEqual(Float32Array.of(0.75, 2.25));
    expect(blendHeads(heads, [0, -1])).toEqual(Float32Array.of(-0.125, -1));
    expect(blendHeads(heads.slice(0, 1), [4])).toEqual(Float32Array.of(2, 1));
  });

  it("is empty without heads or without candidates", () => {
    expect(blendHeads([], [])).toEqual(new Float32Array(0));
    expect(blendHeads([new Float32Array(0)], [1])).toEqual(new Float32Array(0));
  });
});

describe("the heads", () => {
  const head = (name: string) => ACTIONS.find((one) => one.name === name)!;
  const none = Number.NaN;

  it("have names that are told apart, and engagement comes first", () => {
    expect(new Set(HEADS.map(({ name }) => name)).size).toBe(HEADS.length);
    expect(HEADS[0]!.name).toBe("engage");
    for (const { weight, about } of HEADS) {
      expect(weight).toBeGreaterThanOrEqual(0);
      expect(about).not.toBe("");
    }
  });

  it("engage is whatever is evidence of interest", () => {
    for (const type of INTERACTION_TYPE_NAMES) {
      for (const value of [none, 0, 0.1, 0.3, 1, 5]) {
        expect(head("engage").is(type, value, none)).toBe(evidence(type, value) > 0);
      }
    }
    expect(head("engage").is("watch", 0.29, none)).toBe(false);
    expect(head("engage").is("dislike", none, none)).toBe(false);
  });

  it("long-watch is a watch to the end or of 18 seconds, and one of 70 % where nobody knows the seconds", () => {
    const watched = (value: number, duration: number) => head("long-watch").is("watch", value, duration);
    expect([0, 0.69, 0.7, 1, none].map((value) => watched(value, none))).toEqual([
      ...[false, false, true, true, false],
    ]);
    expect([0.29, 0.3, 1, none].map((value) => watched(value, 60))).toEqual([false, true, true, false]);
    expect([0.9, 1].map((value) => watched(value, 10))).toEqual([false, true]);
    expect(head("long-watch").is("rate", 5, 60)).toBe(false);
  });

  it("approve is a deed that costs something, or a rating of 4 and more", () => {
    const deeds = INTERACTION_TYPE_NAMES.filter((type) => head("approve").is(type, none, none));
    expect(deeds).toEqual(["like", "comment", "share", "save", "follow", "purchase"]);
    expect([3.9, 4, 5, none].map((value) => head("approve").is("rate", value, none))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(head("approve").is("watch", 5, none)).toBe(false);
  });
});
