import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { calibration } from "../../../src/training/ranking/calibrate.ts";

/** Outcomes whose log-odds are `scale` × logit + `shift`. */
function outcomes(n: number, scale: number, shift: number) {
  const random = new Random("outcomes");
  const logits = Float64Array.from({ length: n }, () => 2 * random.normal());
  const labels = logits.map((logit) =>
    random.next() < 1 / (1 + Math.exp(-(scale * logit + shift))) ? 1 : 0,
  );
  return { logits, labels };
}

describe("calibration", () => {
  it("finds the scale and the shift that outcomes follow", () => {
    const { logits, labels } = outcomes(40_000, 0.6, -1.2);
    const found = calibration(logits, labels);
    expect(found.scale).toBeCloseTo(0.6, 1);
    expect(found.shift).toBeCloseTo(-1.2, 1);
  });

  it("makes the mean of the probabilities that of the outcomes", () => {
    const { logits, labels } = outcomes(3_000, 1.7, 0.4);
    const { scale, shift } = calibration(logits, labels);
    const mean = (of: Float64Array) => of.reduce((sum, x) => sum + x, 0) / of.length;
    expect(mean(logits.map((logit) => 1 / (1 + Math.exp(-(scale * logit + shift)))))).toBeCloseTo(
      mean(labels),
      8,
    );
  });

  it("leaves logits alone where there are few outcomes, or they go the other way", () => {
    const { logits, labels } = outcomes(60, 1, 0);
    expect(calibration(logits, labels)).toEqual({ scale: 1, shift: 0 });
    const other = outcomes(3_000, -1, 0);
    expect(calibration(other.logits, other.labels)).toEqual({ scale: 1, shift: 0 });
  });
});
