/** The network as a ranker: what it takes, what it refuses, and that candidates do not see each other. */
import { afterEach, describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { Random, UpnextError } from "../../src/core/index.ts";
import { evidence, INTERACTION_TYPE_NAMES } from "../../src/events/index.ts";
import { visitsOf } from "../../src/features/index.ts";
import { rankingProbabilities } from "../../src/models/ranking-network.ts";
import {
  blendHeads,
  HEADS,
  type NetworkRanker,
  networkRanker,
  type RankerHeader,
} from "../../src/ranking/index.ts";
import { candidatesOf } from "../../src/retrieval/index.ts";
import { compileServing, Graph } from "../../src/tensor/index.ts";
import { anyWeights, plainShape } from "../models/toy.ts";
import { queryOver } from "../retrieval/checkerboard.ts";

const FEATURES = 7;
const header: RankerHeader = {
  name: "tiny",
  heads: ["engage", "approve"],
  features: Array.from({ length: FEATURES }, (_, f) => `f${f}`),
  fingerprint: "print",
};

function tinyModel(): Uint8Array {
  const graph = new Graph();
  const probabilities = rankingProbabilities(graph, plainShape(FEATURES, 2));
  return compileServing({ probabilities }, anyWeights(graph, new Random("tiny")));
}

const opened: NetworkRanker[] = [];
afterEach(async () => {
  for (const ranker of opened.splice(0)) await ranker.close();
});

async function tinyRanker(own: RankerHeader = header): Promise<NetworkRanker> {
  const ranker = await networkRanker(own, tinyModel());
  opened.push(ranker);
  return ranker;
}

function anyFeatures(rows: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: rows * FEATURES }, () => random.normal());
}

describe("the network ranker", () => {
  it("has the name, heads and fingerprint of its header", async () => {
    expect(await tinyRanker()).toMatchObject({ name: "tiny", heads: header.heads, fingerprint: "print" });
  });

  it.each([1, 2, 500])(
    "gives %i rows a probability for every head, strictly between 0 and 1",
    async (rows) => {
      const columns = await (await tinyRanker()).scoreRows(anyFeatures(rows), rows);
      expect(columns).toHaveLength(2);
      for (const column of columns) {
        expect(column).toHaveLength(rows);
        expect(column.every((p) => p > 0 && p < 1)).toBe(true);
      }
      expect(columns[0]).not.toEqual(columns[1]);
    },
  );

  it("scores the candidates of a request as the rows of their features, and refuses features of others", async () => {
    const ranker = await tinyRanker();
    const query = queryOver([]);
    const candidates = candidatesOf(query, [], Int32Array.of(4, 9, 2));
    const catalog = createCatalog();
    const context = { query, candidates, catalog, visits: visitsOf(query.history, catalog) };
    const own = anyFeatures(3);
    const none = new Float32Array(0);
    const input = { ...context, features: { request: none, candidates: own } };
    expect(await ranker.score(input)).toEqual(await ranker.scoreRows(own, 3));
    const wider = { request: Float32Array.of(1), candidates: own };
    await expect(ranker.score({ ...context, features: wider })).rejects.toMatchObject({ code: "internal" });
  });

  it("gives no rows an empty column for every head", async () => {
    expect(await (await tinyRanker()).scoreRows(new Float32Array(0), 0)).toEqual([
      new Float32Array(0),
      new Float32Array(0),
    ]);
  });

  it("scores a candidate alone as among others, in whatever order they stand", async () => {
    const ranker = await tinyRanker();
    const rows = 100;
    const features = anyFeatures(rows);
    const whole = await ranker.scoreRows(features, rows);
    const random = new Random("batches");
    for (const size of [1, 2, 3, 17, 64, 99, 100]) {
      const chosen = random.shuffle(Int32Array.from({ length: rows }, (_, i) => i)).slice(0, size);
      const part = new Float32Array(size * FEATURES);
      chosen.forEach((row, i) => {
        part.set(features.subarray(row * FEATURES, (row + 1) * FEATURES), i * FEATURES);
      });
      const scored = await ranker.scoreRows(part, size);
      for (let head = 0; head < 2; head++) {
        for (let i = 0; i < size; i++) {
          expect(Math.abs(scored[head]![i]! - whole[head]![chosen[i]!]!)).toBeLessThan(1e-6);
        }
      }
    }
  });

  it("scores the same rows the same, to the bit, again and in another instance", async () => {
    const features = anyFeatures(50);
    const ranker = await tinyRanker();
    const first = await ranker.scoreRows(features, 50);
    await ranker.scoreRows(anyFeatures(9, 2), 9);
    expect(await ranker.scoreRows(features, 50)).toEqual(first);
    expect(await (await tinyRanker()).scoreRows(features, 50)).toEqual(first);
  });

  it("leaves the features as they were, and hands out columns that are the caller's", async () => {
    const features = anyFeatures(5);
    const ranker = await tinyRanker();
    const first = await ranker.scoreRows(features, 5);
    const kept = structuredClone(first);
    first[0]!.fill(7);
    expect(features).toEqual(anyFeatures(5));
    expect(await ranker.scoreRows(features, 5)).toEqual(kept);
  });

  it.each([
    ["one value too few", 2 * FEATURES - 1, 2],
    ["one value too many", 2 * FEATURES + 1, 2],
    ["values and no rows", FEATURES, 0],
    ["rows and no values", 0, 3],
  ])("refuses %s", async (_, length, rows) => {
    const scoring = (await tinyRanker()).scoreRows(new Float32Array(length), rows);
    await expect(scoring).rejects.toThrow(
      new UpnextError("internal", `ranker tiny: expected ${rows} rows of 7 features, got ${length} values`),
    );
    await expect(scoring).rejects.toMatchObject({ code: "internal" });
  });

  it.each([
    ["more features", { ...header, features: [...header.features, "f7"] }, 8],
    ["fewer features", { ...header, features: header.features.slice(1) }, 6],
    ["more heads", { ...header, heads: ["engage", "approve", "long-watch"] }, 7],
    ["fewer heads", { ...header, heads: ["engage"] }, 7],
  ])("refuses a model whose header promises %s than it has", async (_, own, width) => {
    const ranker = await tinyRanker(own);
    await expect(ranker.scoreRows(new Float32Array(3 * width), 3)).rejects.toMatchObject({
      code: "internal",
    });
  });

  it("refuses bytes that are no model", async () => {
    await expect(networkRanker(header, Uint8Array.of(1, 2, 3))).rejects.toMatchObject({
      code: "bundle_corrupt",
    });
  });

  it("can be closed twice, and scores nothing afterwards", async () => {
    const ranker = await tinyRanker();
    await ranker.close();
    await ranker.close();
    await expect(ranker.scoreRows(anyFeatures(1), 1)).rejects.toMatchObject({ code: "closed" });
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
  const head = (name: string) => HEADS.find((one) => one.name === name)!;
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
