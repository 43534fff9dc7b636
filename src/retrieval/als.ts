/**
 * Implicit-feedback matrix factorisation by alternating least squares (Hu, Koren, Volinsky 2008), solved with
 * conjugate gradient (Takács, Pilászy, Tikk 2011). A user's vector is never stored: it is folded in from the touches
 * of the request, so an event changes the next answer.
 */
import type { Random } from "../core/index.ts";
import { alsFoldIn, fitAls, itemSearch } from "../tensor/index.ts";
import type { Columns, Source, Touches } from "./retriever.ts";
import { chooseSearch, noteSearch, SEARCHERS, searchColumns, searchIn } from "./search-choice.ts";
import type { Sequences } from "./sequences.ts";

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
  depth: 0.6,

  async fit({ sequences, random, progress, clock }) {
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
    const choice = await chooseSearch({
      ...{ factors: itemFactors, k: FACTORS, random, clock },
      users: searchers(sequences, itemFactors, random),
    });
    noteSearch(this.name, choice, progress);
    return { itemFactors, ...searchColumns(choice) };
  },

  summary: (columns) => ({
    search: searchIn(columns).index?.share ?? "exact",
    trials: searchIn(columns).trials,
  }),

  async load(columns) {
    const itemFactors = factorsOf(columns);
    const vectorOf = vectors(itemFactors);
    const search = await itemSearch({
      factors: itemFactors,
      k: FACTORS,
      index: searchIn(columns).index,
    });
    return {
      name: this.name,
      signalNames: this.signalNames,
      personal: this.personal,
      retrieve(query, k) {
        const vector = vectorOf(query);
        if (vector === undefined) return nothing;
        const best = search.top(vector, query.allowed, k);
        return {
          ...best,
          signals: (rows, out) => search.dot(rows, vector, out[0]!),
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

/** How a user's vector is made; undefined of one who has no touch that says anything. */
function vectors(
  itemFactors: Float32Array,
): (touches: Pick<Touches, "items" | "weights">) => Float32Array | undefined {
  const itemCount = itemFactors.length / FACTORS;
  const foldIn = alsFoldIn({
    ...{ itemFactors, itemCount, factors: FACTORS, regularization: REGULARIZATION, alpha: ALPHA },
  });
  return (touches) => {
    const { items, weights } = foldedTouches(touches, itemCount);
    if (items.length === 0) return undefined;
    const vector = new Float32Array(FACTORS);
    foldIn.solve(items, weights, vector);
    // Touches of items that nobody else took say nothing: all scores would be 0.
    return vector.every((value) => value === 0) ? undefined : vector;
  };
}

/** Some of the users, as they would ask after their last touch. */
function searchers(
  { offsets, items, weights }: Sequences,
  itemFactors: Float32Array,
  random: Random,
): Float32Array[] {
  const vectorOf = vectors(itemFactors);
  const users = offsets.length - 1;
  const found: Float32Array[] = [];
  for (let tried = 0; tried < 2 * SEARCHERS && found.length < SEARCHERS && users > 0; tried++) {
    const user = random.int(users);
    const [from, to] = [offsets[user]!, offsets[user + 1]!];
    const newestFirst = {
      items: items.slice(from, to).reverse(),
      weights: weights.slice(from, to).reverse(),
    };
    const vector = vectorOf(newestFirst);
    if (vector !== undefined) found.push(vector);
  }
  return found;
}

/** The newest touches of items that have factors, each with its decayed weight. */
function foldedTouches(
  { items: touched, weights: evidence }: Pick<Touches, "items" | "weights">,
  itemCount: number,
): { items: Int32Array; weights: Float32Array } {
  const n = Math.min(touched.length, TOUCHES);
  const items = new Int32Array(n);
  const weights = new Float32Array(n);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    if (touched[i]! >= itemCount) continue;
    items[kept] = touched[i]!;
    weights[kept++] = evidence[i]! * DECAY ** i;
  }
  return { items: items.subarray(0, kept), weights: weights.subarray(0, kept) };
}
