/**
 * Groups of rows that are near each other, by k-means (Lloyd 1982): the inverted lists of an index for dot products
 * (Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011, section IV).
 *
 * Means are found on a sample, so the time of all rows is that of one look at every mean: N times about √N.
 */
import { setImmediate } from "node:timers/promises";
import type { Random } from "../core/index.ts";
import { Kernels } from "./kernels.ts";

export interface RowGroups {
  /** (N) all rows, group after group. */
  readonly order: Int32Array;
  /** (groups + 1) */
  readonly starts: Int32Array;
}

/** Rows of the sample for each group, and passes over it (guesses; faiss warns below 39). */
const SAMPLED = 48;
const PASSES = 6;
/** Rows between two turns of the event loop. */
const CHUNK = 4096;

/** @param factors (N, k), k a multiple of 4, finite. Rows of zeros are a group of their own, the last one. */
export async function clusterRows(factors: Float32Array, k: number, random: Random): Promise<RowGroups> {
  const N = factors.length / k;
  const rows = Int32Array.from({ length: N }, (_, row) => row).filter((row) =>
    factors.subarray(row * k, (row + 1) * k).some((value) => value !== 0),
  );
  const groups = Math.max(1, Math.floor(Math.sqrt(rows.length)));
  const kernels = new Kernels();
  const means = kernels.reserve(groups * k * 4);
  const offsets = kernels.reserve(groups * 4);
  const vector = kernels.reserve(k * 4);

  /** of[i]: the group whose mean is nearest to the row of place i. */
  const nearest = async (places: Int32Array): Promise<Int32Array> => {
    const view = kernels.floats(means, groups * k);
    const halves = kernels.floats(offsets, groups);
    for (let group = 0; group < groups; group++) {
      let squares = 0;
      for (let at = group * k; at < (group + 1) * k; at++) squares += view[at]! ** 2;
      halves[group] = -squares / 2;
    }
    const of = new Int32Array(places.length);
    for (let i = 0; i < places.length; i++) {
      kernels.floats(vector, k).set(factors.subarray(places[i]! * k, (places[i]! + 1) * k));
      of[i] = kernels.call.highestRow(means, k * 4, groups, offsets, vector);
      if (i % CHUNK === 0) await setImmediate();
    }
    return of;
  };

  const sampled = sampleOf(rows, SAMPLED * groups, random);
  for (let group = 0; group < groups && rows.length > 0; group++) {
    const row = sampled[group]!;
    kernels.floats(means + group * k * 4, k).set(factors.subarray(row * k, (row + 1) * k));
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const of = await nearest(sampled);
    const sums = new Float64Array(groups * k);
    const counts = new Int32Array(groups);
    for (let i = 0; i < of.length; i++) {
      const to = of[i]! * k;
      const from = sampled[i]! * k;
      counts[of[i]!]!++;
      for (let d = 0; d < k; d++) sums[to + d] = sums[to + d]! + factors[from + d]!;
    }
    const view = kernels.floats(means, groups * k);
    for (let group = 0; group < groups; group++) {
      // An empty group keeps its mean.
      if (counts[group] === 0) continue;
      for (let at = group * k; at < (group + 1) * k; at++) view[at] = sums[at]! / counts[group]!;
    }
  }
  const of = new Int32Array(N).fill(groups);
  const found = await nearest(rows);
  for (let i = 0; i < rows.length; i++) of[rows[i]!] = found[i]!;
  return gathered(of, groups + 1);
}

/** Rows by group, in a group by row. */
function gathered(of: Int32Array, groups: number): RowGroups {
  const starts = new Int32Array(groups + 1);
  for (const group of of) starts[group + 1]!++;
  for (let group = 0; group < groups; group++) starts[group + 1] = starts[group + 1]! + starts[group]!;
  const next = starts.slice();
  const order = new Int32Array(of.length);
  for (let row = 0; row < of.length; row++) order[next[of[row]!]!++] = row;
  return { order, starts };
}

/** `n` of the rows without repeats, or all, in any order. */
function sampleOf(rows: Int32Array, n: number, random: Random): Int32Array {
  const chosen = rows.slice();
  const m = Math.min(n, rows.length);
  for (let i = 0; i < m; i++) {
    const j = i + random.int(rows.length - i);
    const held = chosen[i]!;
    chosen[i] = chosen[j]!;
    chosen[j] = held;
  }
  return chosen.subarray(0, m);
}
