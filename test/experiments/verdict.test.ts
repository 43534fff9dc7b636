import { describe, expect, it } from "vitest";
import { verdictOf } from "../../src/experiments/verdict.ts";

const experiment = {
  arms: [
    { name: "A", share: 0.5 },
    { name: "B", share: 0.5 },
  ],
  smallest: 0.05,
} as const;
const line = (value: number, half: number, better: "more" | "less" = "more") => ({
  noun: better === "more" ? "long watches per item shown" : "milliseconds per answer",
  better,
  difference: {
    value,
    lower: Math.expm1(Math.log1p(value) - half),
    upper: Math.expm1(Math.log1p(value) + half),
  },
});
const seen = { guardrails: [], users: 1_000, perArm: [500, 500], mismatch: false };

describe("the verdict", () => {
  it.each([
    [
      0.031,
      0.026,
      "better",
      "B has 3.1 % more long watches per item shown than A (0.5 % more to 5.8 % more)",
    ],
    [-0.2, 0.1, "worse", "B has 20 % less long watches per item shown than A"],
    [0.01, 0.03, "same", "B and A differ by less than 5 % in long watches per item shown"],
    [0.02, 0.2, "early", "Too early to say: B may have anything from 16.5 % less to 24.6 % more"],
    [0, 5, "early", "from 99.3 % less to more than 1000 % more"],
  ])("of %f and ±%f on the logarithm is that it is %s", (value, half, kind, words) => {
    const verdict = verdictOf(experiment, { ...seen, primary: line(value, half) });
    expect(verdict.kind).toBe(kind);
    expect(verdict.sentence).toContain(words);
    expect(verdict.sentence.includes("You may stop")).toBe(kind !== "early");
    expect(verdict.moreUsers === null).toBe(kind !== "early");
  });

  it("says how many users are missing: four times as many for half the width", () => {
    // Where the difference is as large as the interval is to be, twice its reach away.
    const { moreUsers } = verdictOf(experiment, { ...seen, primary: line(Math.expm1(0.05), 0.1) });
    expect(moreUsers).toBeGreaterThan(2_500);
    expect(moreUsers).toBeLessThan(3_500);
  });

  it("warns of a guardrail that became worse, and of nothing where the shares are not kept", () => {
    const guardrails = [line(0.12, 0.05, "less"), line(0.3, 0.1, "more")];
    const { sentence } = verdictOf(experiment, { ...seen, primary: line(0.031, 0.026), guardrails });
    expect(sentence).toMatch(/Beware: B has 12 % more milliseconds per answer\.$/);
    const lost = verdictOf(experiment, { ...seen, primary: line(0.1, 0.01), guardrails, mismatch: true });
    expect(lost).toMatchObject({ kind: "mismatch", sentence: expect.not.stringContaining("Beware") });
  });

  it("waits for fifty users in each arm", () => {
    const none = { noun: "long watches per item shown", better: "more", difference: null } as const;
    const { sentence, moreUsers } = verdictOf(experiment, { ...seen, perArm: [50, 20], primary: none });
    expect([sentence, moreUsers]).toEqual([
      "Too early to say: each arm needs 50 users, A has 50 and B 20.",
      30,
    ]);
  });
});
