/** What holds of all features: finite, of their own candidate alone, named once, and known by a fingerprint. */
import { describe, expect, it } from "vitest";
import { type EpochMs, Random } from "../../src/core/index.ts";
import type { CandidateGroup } from "../../src/features/feature-set.ts";
import {
  FEATURE_GROUPS,
  type FeatureGroup,
  type FeatureSchema,
  featureSet,
  sourceSchema,
} from "../../src/features/index.ts";
import { rates } from "../../src/features/rates.ts";
import { taste } from "../../src/features/taste.ts";
import { pickCandidates, sourcesNamed } from "../../src/retrieval/index.ts";
import { BLOCK_ROWS } from "../../src/tensor/index.ts";
import { plainRates, plainTaste } from "./plain-groups.ts";
import { anyWorld } from "./world.ts";

const SEEDS = Array.from({ length: 30 }, (_, seed) => seed);

/** Row `i` of a matrix (n, width). */
function rowOf(matrix: Float32Array, i: number, width: number): Float32Array {
  return matrix.slice(i * width, (i + 1) * width);
}

describe("all features", () => {
  it.each(SEEDS)("are finite in the odd world %i", async (seed) => {
    const { set, context } = await anyWorld(seed);
    const { request, candidates } = set.compute(context);
    expect(request).toHaveLength(set.requestNames.length);
    expect(candidates).toHaveLength(context.candidates.rows.length * set.candidateNames.length);
    const odd = (values: Float32Array) => values.findIndex((value) => !Number.isFinite(value));
    expect(odd(request) < 0 ? "none" : set.requestNames[odd(request)]).toBe("none");
    const at = odd(candidates);
    expect(at < 0 ? "none" : set.candidateNames[at % set.candidateNames.length]).toBe("none");
  });

  it.each(SEEDS)("depend, to the bit, on their own candidate alone in the odd world %i", async (seed) => {
    const { set, context, candidatesOf } = await anyWorld(seed);
    const { candidates } = context;
    const width = set.candidateNames.length;
    const whole = set.compute(context);
    const matrix = whole.candidates;
    const random = new Random(seed);
    const all = Int32Array.from(candidates.rows, (_, i) => i);
    const some = random.shuffle(all.slice()).slice(0, random.int(all.length + 1));
    for (const chosen of [some, ...Array.from(all.subarray(0, 3), (i) => Int32Array.of(i))]) {
      const picked = pickCandidates(candidates, chosen);
      // The same candidates by two ways: out of the batch, and asked of the sources again without the others.
      for (const part of [picked, candidatesOf(picked.rows)]) {
        const { request, candidates: values } = set.compute({ ...context, candidates: part });
        expect(request).toEqual(whole.request);
        chosen.forEach((i, j) => {
          expect(rowOf(values, j, width)).toEqual(rowOf(matrix, i, width));
        });
      }
    }
  });

  it("are what the plain way gives, to a millionth", async () => {
    let values = 0;
    for (let seed = 1; seed < 10; seed++) {
      const { set, context, candidatesOf } = await anyWorld(seed);
      const rows = Int32Array.from({ length: context.catalog.size }, (_, row) => row);
      const asked = { ...context, candidates: candidatesOf(rows) };
      for (const [group, plain] of [
        [rates, plainRates],
        [taste, plainTaste],
      ] as const) {
        const got = featureSet(set.schema, [group]).compute(asked).candidates;
        const wanted = featureSet(set.schema, [plain]).compute(asked).candidates;
        got.forEach((value, i) => {
          const far = Math.abs(value - wanted[i]!);
          if (!(far <= 1e-6 * (1 + Math.abs(wanted[i]!)))) {
            expect.fail(`${group.name}, world ${seed}, value ${i}: ${value}, not ${wanted[i]}`);
          }
        });
        values += got.length;
      }
    }
    expect(values).toBeGreaterThan(1000);
  });

  it("are the same when they are computed again, with another request between", async () => {
    const one = await anyWorld(3);
    const other = await anyWorld(4);
    const first = one.set.compute(one.context);
    other.set.compute(other.context);
    expect(one.set.compute(one.context)).toEqual(first);
  });

  it("can be computed of rows that no source found", async () => {
    const { set, context, candidatesOf } = await anyWorld(5);
    const rows = Int32Array.from({ length: context.catalog.size }, (_, row) => row);
    const { candidates } = set.compute({ ...context, candidates: candidatesOf(rows) });
    expect(candidates.every(Number.isFinite)).toBe(true);
  });

  it("are an empty matrix without candidates", async () => {
    const { set, context, candidatesOf } = await anyWorld(6);
    const none = set.compute({ ...context, candidates: candidatesOf(new Int32Array(0)) });
    expect(none.candidates).toHaveLength(0);
    expect(none.request).toHaveLength(set.requestNames.length);
  });

  it("have names that are told apart, whichever sources there are", () => {
    for (const sources of [[], sourcesNamed(["popular"]), sourcesNamed()]) {
      const set = featureSet(sourceSchema(sources));
      const names = [...set.requestNames, ...set.candidateNames];
      expect(new Set(names).size).toBe(names.length);
      expect(set.features.map(({ name }) => name)).toEqual(names);
      const { request, candidates } = set.smallestDeviations;
      expect([request.length, candidates.length]).toEqual([
        set.requestNames.length,
        set.candidateNames.length,
      ]);
      for (const column of [request, candidates])
        expect(column.every((deviation) => deviation >= 0)).toBe(true);
    }
    const groups = FEATURE_GROUPS.map((group) => group.name);
    expect(new Set(groups).size).toBe(groups.length);
  });
});

describe("a feature set", () => {
  const group = (
    name: string,
    columns: readonly string[],
    version = 1,
    smallestDeviation = 0,
  ): CandidateGroup => ({
    name,
    version,
    per: "candidate",
    smallestDeviation,
    columns: () => columns.map((column) => ({ name: column, kind: "score" })),
    prepare: (_, block, values) => () => () => {
      for (let f = 0; f < columns.length; f++) {
        for (let i = 0; i < block.count; i++) values[f * BLOCK_ROWS + i] = 100 * block.rows[i]! + f;
      }
    },
  });
  const ofRequest = (name: string, columns: readonly string[], smallestDeviation = 0): FeatureGroup => ({
    name,
    version: 1,
    per: "request",
    smallestDeviation,
    columns: () => columns.map((column) => ({ name: column, kind: "score" })),
    prepare:
      () =>
      ({ query }) =>
      (values) => {
        for (let f = 0; f < columns.length; f++) values[f] = (query.now % 1000) + f;
      },
  });
  const NOTHING = sourceSchema([]);

  it("lays the columns of its groups side by side, one row a candidate", async () => {
    const { context } = await anyWorld(1);
    const set = featureSet(NOTHING, [
      group("a", ["x", "y"], 1, 0.5),
      ofRequest("r", ["x", "y"], 0.25),
      group("b", ["x"]),
    ]);
    expect(set.requestNames).toEqual(["r.x", "r.y"]);
    expect(set.candidateNames).toEqual(["a.x", "a.y", "b.x"]);
    expect(set.smallestDeviations.request).toEqual(Float32Array.of(0.25, 0.25));
    expect(set.smallestDeviations.candidates).toEqual(Float32Array.of(0.5, 0.5, 0));
    const candidates = { ...context.candidates, rows: Int32Array.of(7, 4) };
    const query = { ...context.query, now: 5_700 as EpochMs };
    const features = set.compute({ ...context, query, candidates });
    expect(features.request).toEqual(Float32Array.of(700, 701));
    expect(features.candidates).toEqual(Float32Array.of(700, 701, 700, 400, 401, 400));
  });

  it("is filled a few rows at a time, and what no group writes is 0, whatever stood there before", async () => {
    const { context } = await anyWorld(1);
    const set = featureSet(NOTHING, [
      {
        ...group("odd", ["x", "y"]),
        prepare: (_, block, values) => () => () => {
          for (let i = 0; i < block.count; i++) {
            if (block.rows[i]! % 2 === 1) values[BLOCK_ROWS + i] = block.rows[i]!;
          }
        },
      },
    ]);
    for (const shift of [0, 1]) {
      for (const n of [1, BLOCK_ROWS, 3 * BLOCK_ROWS + 1]) {
        const rows = Int32Array.from({ length: n }, (_, i) => i + shift);
        const { candidates } = set.compute({ ...context, candidates: { ...context.candidates, rows } });
        expect([...candidates]).toEqual([...rows].flatMap((row) => [0, row % 2 === 1 ? row : 0]));
      }
    }
  });

  it("has a fingerprint that any change of meaning changes, and nothing else", () => {
    const base = () => [group("a", ["x", "y"]), group("b", ["z"])];
    const schema: FeatureSchema = { ...NOTHING, sources: ["s", "t"], signals: ["s", "t"] };
    const print = (groups: readonly FeatureGroup[], change: Partial<FeatureSchema> = {}) =>
      featureSet({ ...schema, ...change }, groups).fingerprint;
    expect(print(base())).toBe(print(base()));
    expect(print(base())).toMatch(/^[0-9a-f]{16}$/);
    const others = [
      print([group("a", ["x", "y"], 2), group("b", ["z"])]),
      print([group("a", ["x", "w"]), group("b", ["z"])]),
      print([group("a", ["y", "x"]), group("b", ["z"])]),
      print([group("a", ["x"]), group("b", ["z"])]),
      print([group("c", ["x", "y"]), group("b", ["z"])]),
      print(base().reverse()),
      print([group("a", ["x", "y"]), ofRequest("b", ["z"])]),
      print(base(), { sources: ["t", "s"] }),
      print(base(), { sources: ["s"] }),
      print(base(), { signals: ["s"] }),
      print(base(), { surfaces: ["home"] }),
      print(base(), { devices: ["home"] }),
      print(base(), { facts: [{ key: "age", kind: "number" }] }),
      print(base(), { facts: [{ key: "age", kind: "category", values: ["1"] }] }),
      print([group("a", ["x"]), group("b", ["y", "z"])]),
      print([]),
    ];
    expect(new Set([print(base()), ...others]).size).toBe(others.length + 1);
  });
});
