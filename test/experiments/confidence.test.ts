/** That one may look all the time, on users whose truth is known. */
import { describe, expect, it } from "vitest";
import { ALPHA, errorFor, halfWidth, mixtureFor } from "../../src/experiments/confidence.ts";
import { watched } from "./simulated-users.ts";

const mixture = mixtureFor(Math.log1p(0.05));

describe("the confidence sequence", () => {
  it("is theorem 2.2 of Waudby-Smith et al., whose units are observations", () => {
    const [t, rho, sd] = [1_000, 0.05, 2];
    const theirs =
      sd *
      Math.sqrt(
        ((2 * (t * rho ** 2 + 1)) / (t ** 2 * rho ** 2)) * Math.log(Math.sqrt(t * rho ** 2 + 1) / ALPHA),
      );
    const se = sd / Math.sqrt(t);
    expect(halfWidth(se, rho * sd)).toBeCloseTo(theirs, 12);
  });

  it("is tightest, against the interval of a single look, where it is as wide as was asked for", () => {
    const wanted = Math.log1p(0.05);
    const se = errorFor(wanted, mixture);
    expect(halfWidth(se, mixture)).toBeCloseTo(wanted, 9);
    const factor = (error: number) => halfWidth(error, mixture) / error;
    for (const other of [0.5, 0.8, 1.25, 2]) expect(factor(se)).toBeLessThan(factor(other * se));
    expect(factor(se)).toBeCloseTo(3.04, 2);
  });

  it("says nothing of nothing", () => {
    expect(halfWidth(0, mixture)).toBe(Number.POSITIVE_INFINITY);
    expect(halfWidth(Number.NaN, mixture)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("an experiment that is watched all the time", () => {
  it("finds no difference where there is none, but in at most one of twenty: a plain interval does in many", () => {
    const runs = 200;
    // Tightest at what these few users can tell: the hardest case.
    const mixture = mixtureFor(Math.log1p(0.25));
    let alarms = 0;
    let plain = 0;
    for (let run = 0; run < runs; run++) {
      let [own, theirs] = [false, false];
      for (const { value, se, half } of watched({ seed: `aa/${run}`, users: 700, lift: 1, mixture })) {
        own ||= Math.abs(value) > half;
        theirs ||= Math.abs(value) > 1.96 * se;
      }
      if (own) alarms++;
      if (theirs) plain++;
    }
    expect(alarms).toBeLessThanOrEqual(ALPHA * runs);
    // The same data would have been called different by whoever looks at ordinary intervals.
    expect(plain).toBeGreaterThan(0.15 * runs);
  });

  it("finds a real difference, on the right side, and holds it between its limits", () => {
    let [found, held] = [0, 0];
    const runs = 40;
    for (let run = 0; run < runs; run++) {
      let inside = true;
      let seen = false;
      for (const { value, half } of watched({ seed: `ab/${run}`, users: 1_500, lift: 1.4, mixture })) {
        inside &&= Math.abs(value - Math.log(1.4)) <= half;
        seen ||= value - half > 0;
      }
      if (seen) found++;
      if (inside) held++;
    }
    expect(found).toBeGreaterThanOrEqual(0.9 * runs);
    expect(held).toBeGreaterThanOrEqual(0.9 * runs);
  });
});
