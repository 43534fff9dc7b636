/** Probabilities that come true: a scale and a shift of each head's logits (Platt 1999), on lists that taught nothing. */
import { type Calibration, HEADS } from "../../ranking/index.ts";
import { type RankingLists, SLATE } from "./lists.ts";

/** With fewer of either outcome, the logits stay as they are. */
const FEWEST = 50;
const STEPS = 25;
/** Two parameters and hundreds of rows: this only keeps the first steps from leaving the ground. */
const RIDGE = 1e-6;

const AS_IT_IS: Calibration = { scale: 1, shift: 0 };

/**
 * @param heads indices into HEADS of the logits' columns
 * @param logits (R, heads)
 */
export function calibrations(
  lists: RankingLists,
  chosen: Int32Array,
  heads: readonly number[],
  logits: Float32Array,
): readonly Calibration[] {
  const rows: number[] = [];
  for (const list of chosen) {
    if (lists.kinds[list] !== SLATE) continue;
    for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) rows.push(row);
  }
  return heads.map((head, h) =>
    calibration(
      Float64Array.from(rows, (row) => logits[row * heads.length + h]!),
      Float64Array.from(rows, (row) => lists.labels[row * HEADS.length + head]!),
    ),
  );
}

/** The most likely scale and shift, by Newton's method; logits (n) and what followed (n), 0 or 1. */
export function calibration(logits: Float64Array, labels: Float64Array): Calibration {
  const n = logits.length;
  const done = labels.reduce((sum, label) => sum + label, 0);
  if (done < FEWEST || n - done < FEWEST) return AS_IT_IS;
  let { scale, shift } = AS_IT_IS;
  for (let step = 0; step < STEPS; step++) {
    let [a, b, aa, ab, bb] = [0, 0, RIDGE, 0, RIDGE];
    for (let i = 0; i < n; i++) {
      const x = logits[i]!;
      const p = 1 / (1 + Math.exp(-(scale * x + shift)));
      const error = p - labels[i]!;
      const curve = p * (1 - p);
      a += error * x;
      b += error;
      aa += curve * x * x;
      ab += curve * x;
      bb += curve;
    }
    const determinant = aa * bb - ab * ab;
    const [down, across] = [(bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant];
    scale -= down;
    shift -= across;
    if (Math.abs(down) + Math.abs(across) < 1e-9) break;
  }
  // A scale of 0 or less would turn the order round: then the head has learned nothing to be calibrated.
  return scale > 0 && Number.isFinite(scale) && Number.isFinite(shift) ? { scale, shift } : AS_IT_IS;
}
