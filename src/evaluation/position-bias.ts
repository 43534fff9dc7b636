/**
 * How much of what is clicked is the position's doing. Under the position-based model a slot is clicked where it is
 * examined, with a probability of its position, and its item is wanted there. Examination is known up to a factor: the
 * first position's counts as 1.
 */
import { BOOTSTRAP, type BootstrapEstimate, type BootstrapSettings, bootstrap } from "./bootstrap.ts";
import { codesOf } from "./codes.ts";

export interface ClickedSlots {
  /** (N) any number per user */
  readonly users: Int32Array;
  /** (N) 0-based */
  readonly positions: Int32Array;
  /** (N) 1 where the slot was clicked, else 0 */
  readonly clicks: ArrayLike<number>;
}

/**
 * From slates that were drawn by chance (intervention harvesting, Agarwal et al. 2019): slots weighted by inverse
 * propensity are at every position what a uniform draw from the same items would be, so their click rates differ by
 * examination alone. Needs items that have a chance at every position, as exploration gives it.
 *
 * @param propensities (N)
 * @returns (positions)
 */
export function examinationByPropensity(
  { users, positions, clicks }: ClickedSlots,
  propensities: Float64Array,
  settings: BootstrapSettings = BOOTSTRAP,
): readonly BootstrapEstimate[] {
  const count = countOf(positions);
  const { size, codes } = codesOf(users);
  const clicked = new Float64Array(count);
  const shown = new Float64Array(count);
  return bootstrap(
    size,
    count,
    (counts, out) => {
      clicked.fill(0);
      shown.fill(0);
      for (let i = 0; i < codes.length; i++) {
        const weight = counts[codes[i]!]! / propensities[i]!;
        shown[positions[i]!]! += weight;
        clicked[positions[i]!]! += weight * clicks[i]!;
      }
      const first = clicked[0]! / shown[0]!;
      for (let position = 0; position < count; position++)
        out[position] = clicked[position]! / shown[position]! / first;
    },
    settings,
  );
}

/**
 * From a log without chance, by expectation-maximisation (regression EM, Wang et al. 2018, with a table for the
 * regression): slots of one group count as equally wanted, so groups must be shown at several positions. Groups are
 * items, or bins of what a ranker predicts.
 *
 * @param groups (N) numbers from 0 up
 * @returns (positions)
 */
export function examinationByEm(
  { positions, clicks }: Omit<ClickedSlots, "users">,
  groups: Int32Array,
  rounds = 200,
): Float64Array {
  const n = positions.length;
  const examined = new Float64Array(countOf(positions)).fill(0.5);
  const wanted = new Float64Array(countOf(groups)).fill(0.5);
  const shownAt = countsOf(positions, examined.length);
  const shownOf = countsOf(groups, wanted.length);
  const examinedSum = new Float64Array(examined.length);
  const wantedSum = new Float64Array(wanted.length);
  for (let round = 0; round < rounds; round++) {
    examinedSum.fill(0);
    wantedSum.fill(0);
    for (let i = 0; i < n; i++) {
      const position = positions[i]!;
      const group = groups[i]!;
      const clicked = clicks[i]! > 0;
      // Not clicked: not examined, or not wanted, or neither.
      const not = 1 - examined[position]! * wanted[group]!;
      examinedSum[position]! += clicked ? 1 : (examined[position]! * (1 - wanted[group]!)) / not;
      wantedSum[group]! += clicked ? 1 : (wanted[group]! * (1 - examined[position]!)) / not;
    }
    for (let at = 0; at < examined.length; at++) examined[at] = inside(examinedSum[at]! / shownAt[at]!);
    for (let at = 0; at < wanted.length; at++) wanted[at] = inside(wantedSum[at]! / shownOf[at]!);
  }
  return examined.map((value) => value / examined[0]!);
}

/**
 * Click rates of groups as they would be at the first position: clicks over examinations instead of over slots. NaN
 * for a group that was never shown.
 *
 * @param examination (positions)
 * @returns (groups)
 */
export function correctedRates(
  { positions, clicks }: Omit<ClickedSlots, "users">,
  groups: Int32Array,
  examination: ArrayLike<number>,
): Float64Array {
  const clicked = new Float64Array(countOf(groups));
  const examined = new Float64Array(clicked.length);
  for (let i = 0; i < positions.length; i++) {
    clicked[groups[i]!]! += clicks[i];
    examined[groups[i]!]! += examination[positions[i]!];
  }
  return clicked.map((sum, group) => sum / examined[group]!);
}

/** Away from 0 and 1, where expectations divide by zero. */
function inside(probability: number): number {
  return Math.min(1 - 1e-6, Math.max(1e-6, probability));
}

function countOf(codes: Int32Array): number {
  return codes.reduce((most, code) => Math.max(most, code + 1), 0);
}

function countsOf(codes: Int32Array, size: number): Float64Array {
  const counts = new Float64Array(size);
  for (const code of codes) counts[code]!++;
  return counts;
}
