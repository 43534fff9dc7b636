/**
 * EASE for sequences: item-to-item weights by ridge regression (Steck, WWW 2019), learned to say the next item out of
 * what came before it (SLIT of Choi et al., WWW 2021), where EASE says an item out of all the others of a user.
 *
 * With h_t = sum over s < t of FADE^(t - s) e(item s), column j of B is to make (h_t B)_j the indicator of item j:
 *   (G + RIDGE I + SHARE diag G) b_j = T_j
 * G(a, b) sums FADE^|gap| over all pairs of places of a and b: it is Σ h hᵀ up to a factor, since FADE^|gap| is a
 * positive definite kernel. T(a, j) is the part in which a stands before j. SHARE diag G is what dropping out items of
 * the history at random comes to (Steck, NeurIPS 2020).
 *
 * The matrix is never inverted as a whole: b_j is solved over the MOST items that precede j most, as in the sparse form
 * of Steck (NeurIPS 2019). So the work and the memory of an item are bounded, whatever the size of the catalogue, and
 * there is one method for all sizes. Unlike a count, b says what an item adds to the others: of two items that always
 * come together only one has to speak.
 */
import { setImmediate } from "node:timers/promises";
import { type Progress, silent } from "../core/index.ts";
import { linearSolver } from "../tensor/index.ts";
import { countNeighbours, type Neighbours, neighbourColumns, neighbourRetriever } from "./neighbours.ts";
import type { Source } from "./retriever.ts";
import type { Sequences } from "./sequences.ts";
import { TopK } from "./top-k.ts";

export interface EaseOptions {
  readonly fade: number;
  readonly window: number;
  /** Predecessors over which an item is solved. */
  readonly most: number;
  readonly ridge: number;
  readonly share: number;
}

/** Chosen on the validation items of ml-1m and amazon-beauty together (`npm run bench -- sources`). */
export const EASE: EaseOptions = { fade: 0.9, window: 40, most: 128, ridge: 50, share: 0.2 };
const LAGS = 30;
const DECAY = 0.85;
/** Weights that are kept of an item, the highest. Those below 0 only make lists shorter: Recall@500 is better without. */
const KEEP = 500;
/** Entries of G that are kept: at most so many in all, the highest of each row, but GRAM_ROW of a row in any case. */
const GRAM_ENTRIES = 2 ** 25;
const GRAM_ROW = 256;
/** Conjugate gradient steps, and the residual at which a solution is good enough. */
const STEPS = 16;
const TOLERANCE = 1e-3;

export const ease: Source = {
  name: "ease",
  signalNames: ["ease", "ease-newest", "ease-strongest"],
  personal: true,
  knowsNewItems: false,
  weight: 1,
  depth: 0.6,

  async fit({ sequences, progress }) {
    progress.step("fit ease", sequences.itemCount, "items");
    return neighbourColumns(await fitEase(sequences, EASE, progress));
  },

  async load(columns) {
    return neighbourRetriever(this, columns, LAGS, DECAY);
  },
};

/** The weights of B above 0, by the item that speaks. */
export async function fitEase(
  sequences: Sequences,
  options: EaseOptions,
  progress: Progress,
): Promise<Neighbours> {
  const { itemCount } = sequences;
  const fades = Array.from({ length: options.window }, (_, g) => options.fade ** (g + 1));
  const { counts, diagonal } = placesOf(sequences, fades);
  const gram = await countNeighbours(
    sequences,
    {
      ...{ forward: fades, backward: fades, strength: (count) => count },
      keep: Math.min(itemCount, Math.max(GRAM_ROW, Math.floor(GRAM_ENTRIES / Math.max(1, itemCount)))),
    },
    silent,
  );
  const before = await countNeighbours(
    sequences,
    {
      ...{ forward: [], backward: fades, keep: options.most },
      // The cosine but for a factor that is the same for all: popular items precede everything.
      strength: (count, _total, _from, to) => count / Math.sqrt(to),
    },
    silent,
  );
  /** (itemCount) scaled by these on both sides, every system has 1 on its diagonal. */
  const scales = Float32Array.from(
    diagonal,
    (sum) => 1 / Math.sqrt((1 + options.share) * sum + options.ridge),
  );
  const solver = linearSolver({ limit: options.most, steps: STEPS, tolerance: TOLERANCE });
  const slots = new Int32Array(itemCount);
  const weights = new Float32Array(before.neighbours.length);
  let lastYield = 0;
  for (let j = 0; j < itemCount; j++) {
    const first = before.offsets[j]!;
    const own = before.neighbours.subarray(first, before.offsets[j + 1]);
    const { matrix, right, width } = solver.system(own.length);
    fillMatrix(matrix, width, own, gram, scales, slots);
    for (let i = 0; i < own.length; i++) {
      right[i] = before.strengths[first + i]! * Math.sqrt(counts[own[i]!]!) * scales[own[i]!]!;
    }
    const solution = solver.solve();
    for (let i = 0; i < own.length; i++) weights[first + i] = solution[i]! * scales[own[i]!]!;
    if (first - lastYield > 10_000) {
      lastYield = first;
      progress.update(j);
      await setImmediate();
    }
  }
  return bySpeaker(before, weights);
}

/**
 * counts (itemCount): the places of each item. diagonal (itemCount): that of G, which has for an item that a user takes
 * again the pairs of its places too.
 */
function placesOf(
  { offsets, items, itemCount }: Sequences,
  fades: readonly number[],
): { counts: Int32Array; diagonal: Float64Array } {
  const counts = new Int32Array(itemCount);
  const diagonal = new Float64Array(itemCount);
  for (let u = 0; u + 1 < offsets.length; u++) {
    const end = offsets[u + 1]!;
    for (let p = offsets[u]!; p < end; p++) {
      const item = items[p]!;
      let sum = 1;
      const reach = Math.min(fades.length, end - 1 - p);
      for (let g = 1; g <= reach; g++) if (items[p + g] === item) sum += 2 * fades[g - 1]!;
      counts[item]!++;
      diagonal[item] = diagonal[item]! + sum;
    }
  }
  return { counts, diagonal };
}

/**
 * The rows and columns `own` of G, scaled, with 1 on the diagonal.
 *
 * @param matrix (width, width) 0 before
 * @param slots (itemCount) 0 before and after
 */
function fillMatrix(
  matrix: Float32Array,
  width: number,
  own: Int32Array,
  gram: Neighbours,
  scales: Float32Array,
  slots: Int32Array,
): void {
  const { offsets, neighbours, strengths } = gram;
  for (let i = 0; i < own.length; i++) slots[own[i]!] = i + 1;
  for (let i = 0; i < own.length; i++) {
    const a = own[i]!;
    matrix[i * width + i] = 1;
    for (let e = offsets[a]!; e < offsets[a + 1]!; e++) {
      const slot = slots[neighbours[e]!]! - 1;
      if (slot < 0) continue;
      const value = strengths[e]! * scales[a]! * scales[neighbours[e]!]!;
      // Both ways, since a row that was cut may lack what the other one has.
      matrix[i * width + slot] = value;
      matrix[slot * width + i] = value;
    }
  }
  for (let i = 0; i < own.length; i++) slots[own[i]!] = 0;
}

/**
 * Weights by the item that is said become lists by the item that says it: the KEEP highest above 0.
 *
 * @param weights (M) of the entries of `before`
 */
function bySpeaker(before: Neighbours, weights: Float32Array): Neighbours {
  const { offsets, neighbours: speakers } = before;
  const itemCount = offsets.length - 1;
  const starts = new Int32Array(itemCount + 1);
  for (let e = 0; e < speakers.length; e++) starts[speakers[e]! + 1]!++;
  for (let a = 0; a < itemCount; a++) starts[a + 1] = starts[a + 1]! + starts[a]!;
  const next = starts.slice();
  const said = new Int32Array(speakers.length);
  const values = new Float32Array(speakers.length);
  for (let j = 0; j < itemCount; j++) {
    for (let e = offsets[j]!; e < offsets[j + 1]!; e++) {
      const at = next[speakers[e]!]!++;
      said[at] = j;
      values[at] = weights[e]!;
    }
  }
  // What is kept moves to the front: never past what is still to be read.
  const kept = new Int32Array(itemCount + 1);
  const top = new TopK(KEEP);
  for (let a = 0; a < itemCount; a++) {
    for (let e = starts[a]!; e < starts[a + 1]!; e++) if (values[e]! > 0) top.push(said[e]!, values[e]!);
    const { rows, scores } = top.take();
    said.set(rows, kept[a]);
    values.set(scores, kept[a]);
    kept[a + 1] = kept[a]! + rows.length;
  }
  const total = kept[itemCount]!;
  return { offsets: kept, neighbours: said.slice(0, total), strengths: values.slice(0, total) };
}
