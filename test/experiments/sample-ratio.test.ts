import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { RATIO_ALPHA, SampleRatio } from "../../src/experiments/sample-ratio.ts";

/** Looks after every user; how many came until a mismatch was seen, null where none was. */
function usersUntilSeen(
  seed: string,
  shares: readonly [number, number],
  real: number,
  users: number,
): number | null {
  const random = new Random(seed);
  const ratio = new SampleRatio(shares);
  for (let i = 1; i <= users; i++) {
    ratio.add(random.next() < real ? 0 : 1);
    if (ratio.mismatch) return i;
  }
  return null;
}

describe("the check of the shares", () => {
  it("raises no alarm where the shares are kept, though it is asked after every user", () => {
    let alarms = 0;
    for (let run = 0; run < 400; run++) {
      if (usersUntilSeen(`kept/${run}`, [0.1, 0.3], 0.25, 3_000) !== null) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(2);
  });

  it("sees that one of ten users of an arm is lost, before 20,000 have come", () => {
    for (let run = 0; run < 10; run++) {
      expect(usersUntilSeen(`lost/${run}`, [0.5, 0.5], 0.5 / (0.5 + 0.5 * 0.9), 20_000)).not.toBeNull();
    }
  });

  it("computes the Bayes factor that the paper has: 9 of 9 users in one arm", () => {
    const ratio = new SampleRatio([0.5, 0.5]);
    for (let i = 0; i < 9; i++) ratio.add(0);
    let factor = 1;
    for (let i = 0; i < 9; i++) factor *= (50 + i) / (100 + i) / 0.5;
    expect(ratio.p).toBeCloseTo(1 / factor, 12);
    expect(ratio.p).toBeGreaterThan(RATIO_ALPHA);
  });
});
