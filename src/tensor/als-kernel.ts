/**
 * Implicit ALS on the WebAssembly kernels: fitting all users and items, and folding in one user at request time.
 * Sources: Hu, Koren, Volinsky, ICDM 2008 (the objective); Takács et al., RecSys 2011 (conjugate gradient).
 *
 * An interaction of weight w has confidence 1 + alpha w, an unobserved pair has 1; repeated pairs add their weights.
 */
import { setImmediate } from "node:timers/promises";
import { type Random, UpnextError } from "../core/index.ts";
import { type Csr, merge, transpose } from "./csr.ts";
import { Kernels } from "./kernels.ts";

export interface AlsOptions {
  /** (users + 1) user u owns the entries offsets[u] .. offsets[u + 1]. */
  readonly offsets: Int32Array;
  /** (E) item rows below itemCount, in any order, repeated ones allowed. */
  readonly items: Int32Array;
  /** (E) weights > 0. */
  readonly weights: Float32Array;
  readonly users: number;
  readonly itemCount: number;
  /** Length of the vectors, a multiple of 4. */
  readonly factors?: number;
  readonly iterations?: number;
  readonly regularization: number;
  readonly alpha: number;
  /** Conjugate gradient steps a row and half-iteration: 3 as in `implicit` and the paper's range. */
  readonly cgSteps?: number;
  readonly random: Random;
  /** After each whole iteration, counted from 1. */
  readonly onIteration?: (iteration: number) => void;
}

export interface AlsFactors {
  /** (users, factors), 0 for users without entries. */
  readonly userFactors: Float32Array;
  /** (itemCount, factors), 0 for items without entries. */
  readonly itemFactors: Float32Array;
}

/** Entries solved between two turns of the event loop: some 20 ms of work at 64 factors. */
const CHUNK = 100_000;

export async function fitAls(options: AlsOptions): Promise<AlsFactors> {
  const { users, itemCount, factors = 64, iterations = 12, regularization, alpha, cgSteps = 3 } = options;
  checkFactors("fitAls", factors);
  if (options.offsets.length !== users + 1) {
    throw new UpnextError(
      "internal",
      `fitAls: offsets expected users + 1 = ${users + 1} values, came ${options.offsets.length}`,
    );
  }
  const byItem = merge(transpose(options, itemCount));
  const byUser = transpose(byItem, users);
  const kernels = new Kernels();
  const bytes = factors * 4;
  const userSide = sideOf(kernels, byUser, alpha, bytes, regularization);
  const itemSide = sideOf(kernels, byItem, alpha, bytes, regularization);
  const gram = kernels.reserve(factors * bytes);
  const scratch = kernels.reserve(3 * bytes);
  // Small vectors, so that the first predictions are near 0 whatever the number of factors.
  const start = kernels.floats(itemSide.factors, itemCount * factors);
  const deviation = 0.1 / Math.sqrt(factors);
  for (let i = 0; i < start.length; i++) start[i] = options.random.normal() * deviation;

  const solve = async (from: Side, to: Side): Promise<void> => {
    kernels.floats(gram, factors * factors).fill(0);
    for (let row = 0; row < from.rows; row += CHUNK) {
      kernels.call.gram(from.factors, row, Math.min(row + CHUNK, from.rows), bytes, gram);
      await setImmediate();
    }
    for (let row = 0; row < to.rows; ) {
      const end = chunkEnd(to.csr.offsets, row);
      kernels.call.alsHalf(
        ...([row, end, bytes, cgSteps, to.offsets, to.items, to.extra, to.lambda] as const),
        ...([from.factors, to.factors, gram, scratch] as const),
      );
      row = end;
      await setImmediate();
    }
  };
  for (let iteration = 1; iteration <= iterations; iteration++) {
    await solve(itemSide, userSide);
    await solve(userSide, itemSide);
    options.onIteration?.(iteration);
  }
  const userFactors = kernels.floats(userSide.factors, users * factors).slice();
  const itemFactors = kernels.floats(itemSide.factors, itemCount * factors).slice();
  if (!finite(userFactors) || !finite(itemFactors)) {
    throw new UpnextError(
      "training_failed",
      `fitAls: expected finite factors with regularization ${regularization} and alpha ${alpha}; raise the regularization or check the weights`,
    );
  }
  return { userFactors, itemFactors };
}

/** One side of the model in the kernels' memory: addresses, and the rows as CSR. */
interface Side {
  readonly csr: Csr;
  readonly rows: number;
  readonly offsets: number;
  readonly items: number;
  readonly extra: number;
  readonly lambda: number;
  readonly factors: number;
}

function sideOf(kernels: Kernels, csr: Csr, alpha: number, bytes: number, regularization: number): Side {
  const rows = csr.offsets.length - 1;
  const side = {
    csr,
    rows,
    offsets: kernels.put(csr.offsets),
    items: kernels.put(csr.items),
    extra: kernels.put(csr.weights),
    lambda: kernels.reserve(rows * 4),
    factors: kernels.reserve(rows * bytes),
  };
  const extra = kernels.floats(side.extra, csr.weights.length);
  for (let e = 0; e < extra.length; e++) extra[e]! *= alpha;
  kernels.floats(side.lambda, rows).fill(regularization);
  return side;
}

/** The rows from `row` on that together have about CHUNK entries, one at least. */
function chunkEnd(offsets: Int32Array, row: number): number {
  const limit = offsets[row]! + CHUNK;
  // An empty row costs time too: at most CHUNK / 16 rows at once.
  const last = Math.min(offsets.length - 1, row + CHUNK / 16);
  let end = row + 1;
  while (end < last && offsets[end + 1]! <= limit) end++;
  return end;
}

export interface AlsFoldIn {
  /**
   * The vector of a user with these touches into `out` (factors); items outside the model are skipped, repeated ones
   * add up, and without any item `out` is 0. Returns how many distinct items counted.
   */
  solve(items: Int32Array, weights: Float32Array, out: Float32Array): number;
}

export interface AlsFoldInOptions {
  /** (itemCount, factors) */
  readonly itemFactors: Float32Array;
  readonly itemCount: number;
  readonly factors: number;
  readonly regularization: number;
  readonly alpha: number;
}

/** The exact solution of a user's vector against fixed items, by Cholesky. One user at a time: it owns its scratch. */
export function alsFoldIn(options: AlsFoldInOptions): AlsFoldIn {
  const { itemFactors, itemCount, factors, regularization, alpha } = options;
  checkFactors("alsFoldIn", factors);
  if (itemFactors.length !== itemCount * factors) {
    throw new UpnextError(
      "internal",
      `alsFoldIn: itemFactors expected ${itemCount} × ${factors} values, came ${itemFactors.length}`,
    );
  }
  const kernels = new Kernels();
  const bytes = factors * 4;
  const y = kernels.put(itemFactors);
  const base = kernels.reserve(factors * bytes);
  const sum = kernels.reserve(factors * bytes);
  const factor = kernels.reserve(factors * bytes * 2);
  const right = kernels.reserve(bytes * 2);
  const x = kernels.reserve(bytes);
  kernels.call.gram(y, 0, itemCount, bytes, base);
  const diagonal = kernels.floats(base, factors * factors);
  for (let i = 0; i < factors; i++) diagonal[i * factors + i]! += regularization;

  let room = 0;
  let entries = 0;
  let extra = 0;
  let rows = 0;
  /** position[item] is where the item stands in the user's entries; only valid while it does stand there. */
  const position = new Int32Array(itemCount);

  return {
    solve(items, weights, out) {
      if (items.length > room) {
        room = 2 * items.length;
        entries = kernels.reserve(room * 4);
        extra = kernels.reserve(room * 4);
        rows = kernels.reserve(room * bytes);
      }
      const entryView = kernels.ints(entries, room);
      const extraView = kernels.floats(extra, room);
      let n = 0;
      for (let e = 0; e < items.length; e++) {
        const item = items[e]!;
        if (!(item >= 0 && item < itemCount)) continue;
        const at = position[item]!;
        if (at < n && entryView[at] === item) {
          extraView[at]! += alpha * weights[e]!;
        } else {
          position[item] = n;
          entryView[n] = item;
          extraView[n] = alpha * weights[e]!;
          n++;
        }
      }
      if (n === 0) {
        out.fill(0);
        return 0;
      }
      const solved = kernels.call.foldIn(n, factors, entries, extra, y, base, rows, sum, factor, right, x);
      if (solved === 0) {
        throw new UpnextError(
          "internal",
          `alsFoldIn: the system of ${n} items is not positive definite with regularization ${regularization} and alpha ${alpha}; a regularization above 0 mends it`,
        );
      }
      out.set(kernels.floats(x, factors));
      return n;
    },
  };
}

function checkFactors(where: string, factors: number): void {
  if (!(Number.isInteger(factors) && factors > 0 && factors % 4 === 0)) {
    throw new UpnextError(
      "internal",
      `${where}: factors expected a positive multiple of 4 (SIMD), came ${factors}`,
    );
  }
}

function finite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
