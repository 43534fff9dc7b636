/**
 * Implicit-feedback matrix factorisation by alternating least squares (Hu, Koren, Volinsky 2008), solved with
 * conjugate gradient (Takács, Pilászy, Tikk 2011). A user's vector is never stored: it is folded in from the touches
 * of the request, so an event changes the next answer.
 */
import { alsFoldIn, fitAls, itemScorer } from "../tensor/index.ts";
import type { Columns, Query, Source } from "./retriever.ts";

/** Chosen on the validation items of ml-1m and amazon-beauty (bench/sources.ts). */
const FACTORS = 64;
const ITERATIONS = 10;
const REGULARIZATION = 0.1;
const ALPHA = 30;
/** Newest touches that are folded in. */
const TOUCHES = 100;
/** How much the evidence counts less, per touch that came after. */
const DECAY = 0.9;

export const als: Source = {
  name: "als",
  signalNames: ["als"],
  personal: true,
  knowsNewItems: false,
  weight: 1,

  async fit({ sequences, random, progress }) {
    progress.step("fit als", ITERATIONS, "iterations");
    const { itemFactors } = await fitAls({
      offsets: sequences.offsets,
      items: sequences.items,
      weights: sequences.weights,
      users: sequences.offsets.length - 1,
      itemCount: sequences.itemCount,
      factors: FACTORS,
      iterations: ITERATIONS,
      regularization: REGULARIZATION,
      alpha: ALPHA,
      random,
      onIteration: (iteration) => progress.update(iteration),
    });
    return { itemFactors };
  },

  async load(columns) {
    const itemFactors = factorsOf(columns);
    const itemCount = itemFactors.length / FACTORS;
    const foldIn = alsFoldIn({
      itemFactors,
      itemCount,
      factors: FACTORS,
      regularization: REGULARIZATION,
      alpha: ALPHA,
    });
    const scorer = itemScorer({ factors: itemFactors, N: itemCount, k: FACTORS });
    return {
      name: this.name,
      signalNames: this.signalNames,
      personal: this.personal,
      retrieve(query, k) {
        const touches = foldedTouches(query, itemCount);
        if (touches.items.length === 0) return nothing;
        const vector = new Float32Array(FACTORS);
        foldIn.solve(touches.items, touches.weights, vector);
        // Touches of items that nobody else took say nothing: all scores would be 0.
        if (vector.every((value) => value === 0)) return nothing;
        const best = scorer.top(vector, query.allowed, k);
        return {
          ...best,
          signals: (rows, out) => scorer.dot(rows, vector, out[0]!),
        };
      },
    };
  },
};

const nothing = {
  rows: new Int32Array(0),
  scores: new Float32Array(0),
  signals(_rows: Int32Array, out: readonly Float32Array[]) {
    for (const column of out) column.fill(0);
  },
};

function factorsOf(columns: Columns): Float32Array {
  const { itemFactors } = columns;
  return itemFactors instanceof Float32Array ? itemFactors : new Float32Array(0);
}

/** The newest touches of items that have factors, each with its decayed weight. */
function foldedTouches(query: Query, itemCount: number): { items: Int32Array; weights: Float32Array } {
  const n = Math.min(query.items.length, TOUCHES);
  const items = new Int32Array(n);
  const weights = new Float32Array(n);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    if (query.items[i]! >= itemCount) continue;
    items[kept] = query.items[i]!;
    weights[kept++] = query.weights[i]! * DECAY ** i;
  }
  return { items: items.subarray(0, kept), weights: weights.subarray(0, kept) };
}
