/** Attention against plain code; its gradients are in gradients.test.ts. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const [BATCH, HEADS, WIDTH] = [2, 2, 3];
const HIDDEN = -1e9;

interface Sequences {
  readonly queries: number;
  readonly keys: number;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** (queries, keys) */
  readonly bias: Float32Array;
}

function draw(queries: number, keys: number): Sequences {
  const random = new Random(`${queries} ${keys}`);
  const numbers = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal());
  const each = BATCH * HEADS * WIDTH;
  return {
    queries,
    keys,
    q: numbers(each * queries),
    k: numbers(each * keys),
    v: numbers(each * keys),
    bias: numbers(queries * keys),
  };
}

function plain(
  { queries, keys, q, k, v, bias }: Sequences,
  sees: (i: number, j: number) => boolean,
): number[] {
  const out: number[] = [];
  for (let head = 0; head < BATCH * HEADS; head++) {
    const at = (x: Float32Array, length: number, place: number, d: number): number =>
      x[(head * length + place) * WIDTH + d]!;
    for (let i = 0; i < queries; i++) {
      const shares = Array.from({ length: keys }, (_, j) => {
        let score = 0;
        for (let d = 0; d < WIDTH; d++) score += at(q, queries, i, d) * at(k, keys, j, d);
        return sees(i, j) ? Math.exp(score / Math.sqrt(WIDTH) + bias[i * keys + j]!) : 0;
      });
      const total = shares.reduce((a, b) => a + b, 0);
      for (let d = 0; d < WIDTH; d++) {
        out.push(shares.reduce((sum, share, j) => sum + (share / total) * at(v, keys, j, d), 0));
      }
    }
  }
  return out;
}

/** What the engine makes of it, with sizes that are known or named. */
async function attended(
  { queries, keys, q, k, v, bias }: Sequences,
  causal: boolean,
  training: boolean,
  known: boolean,
): Promise<number[]> {
  const graph = new t.Graph({ training });
  const [b, l, m] = known ? [BATCH, queries, keys] : ["B", "L", causal ? "L" : "M"];
  const y = t.attention(
    graph.input("q", "float32", [b, HEADS, l, WIDTH]),
    graph.input("k", "float32", [b, HEADS, m, WIDTH]),
    graph.input("v", "float32", [b, HEADS, m, WIDTH]),
    { causal, bias: graph.input("bias", "float32", [l, m]) },
  );
  const model = await t.loadModel(t.compileServing({ y }, {}));
  const result = await model.run({
    q: { data: q, dims: [BATCH, HEADS, queries, WIDTH] },
    k: { data: k, dims: [BATCH, HEADS, keys, WIDTH] },
    v: { data: v, dims: [BATCH, HEADS, keys, WIDTH] },
    bias: { data: bias, dims: [queries, keys] },
  });
  await model.close();
  return Array.from(result["y"]!.data, Number);
}

describe("attention equals plain code", () => {
  for (const known of [true, false]) {
    const sizes = known ? "known" : "unknown";
    test(`between sequences of ${sizes} length`, async () => {
      const sequences = draw(3, 5);
      const came = await attended(sequences, false, true, known);
      plain(sequences, () => true).forEach((value, i) => {
        expect(came[i]).toBeCloseTo(value, 5);
      });
    });

    for (const training of [true, false]) {
      test(`over the past of ${sizes} length, traced for ${training ? "training" : "serving"}`, async () => {
        for (const length of [1, 2, 3, 8, 13]) {
          const sequences = draw(length, length);
          const came = await attended(sequences, true, training, known);
          const expected = plain(sequences, (i, j) => j <= i);
          expect(came).toHaveLength(expected.length);
          expected.forEach((value, i) => {
            expect(came[i], `length ${length}`).toBeCloseTo(value, 5);
          });
        }
      });
    }
  }

  test("and has no NaN for a query that sees no key", async () => {
    const sequences = draw(4, 4);
    sequences.bias.fill(HIDDEN);
    for (const training of [true, false]) {
      const came = await attended(sequences, true, training, false);
      expect(came.every(Number.isFinite)).toBe(true);
    }
  });
});

test("attention says which of its operands does not fit", () => {
  const graph = new t.Graph();
  const of = (...shape: t.Dim[]): t.Tensor => graph.input(`x${graph.inputs.length}`, "float32", shape);
  const q = of("B", 2, "L", 4);
  const k = of("B", 2, "M", 4);
  expect(() => t.attention(q, of("B", 2, "M", 3), k)).toThrow(/attention: expected q \(\.\.\., L, d\)/);
  expect(() => t.attention(q, k, of("B", 2, "N", 4))).toThrow(/attention: v: expected \[B, 2, M, 4\]/);
  expect(() => t.attention(q, k, k, { causal: true })).toThrow(/k \(\.\.\., L, d\)/);
  expect(() => t.attention(q, k, k, { bias: of("L", "L") })).toThrow(
    /attention: bias: expected shapes that broadcast/,
  );
  expect(() => t.attention(q, k, k, { bias: of(3, "B", 2, "L", "M") })).toThrow(/attention: bias: expected/);
});
