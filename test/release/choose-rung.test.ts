import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Choice, CLEARLY_CHEAPER, type Contender, chooseRung } from "../../src/release/choose-rung.ts";
import { around } from "./made-tradeoffs.ts";

interface Spec {
  readonly quality: number;
  readonly p99: number;
  readonly cpu?: number;
}

/** Contenders a, b, c, … whose paired intervals have this half-width. All cost the same unless they say otherwise. */
function ladderOf(specs: readonly Spec[], noise = 0): readonly [Contender, ...Contender[]] {
  const name = (i: number) => String.fromCharCode(97 + i);
  const [first, ...others] = specs.map(
    ({ quality, p99, cpu = 10 }, i): Contender => ({
      name: name(i),
      p99Ms: p99,
      cpuMs: around(cpu, 0),
      differenceTo: (other) => {
        const at = other.charCodeAt(0) - 97;
        return around(quality - specs[at]!.quality, noise);
      },
    }),
  );
  return [first!, ...others];
}

const OBJECTIVE = { p99Ms: 50, margin: 0.2 };
const verdictOf = ({ verdicts }: Choice, rung: string) => verdicts.find((each) => each.rung === rung)!;

describe("the choice of a rung", () => {
  test("is the best of those that meet the objective with its margin", () => {
    const choice = chooseRung(
      ladderOf([
        { quality: 0.5, p99: 20 },
        { quality: 0.6, p99: 40 },
        { quality: 0.7, p99: 41 },
        { quality: 0.8, p99: 200 },
      ]),
      OBJECTIVE,
    );
    expect(choice).toMatchObject({ rung: "b", meets: true, allowedMs: 40 });
    expect(choice.verdicts).toEqual([
      { rung: "a", verdict: "beaten", than: "b", difference: around(0.5 - 0.6, 0) },
      { rung: "b", verdict: "chosen" },
      { rung: "c", verdict: "too-slow", p99Ms: 41 },
      { rung: "d", verdict: "too-slow", p99Ms: 200 },
    ]);
  });

  test("takes nothing more complex that is better by no more than noise", () => {
    const specs = [
      { quality: 0.5, p99: 20 },
      { quality: 0.509, p99: 20 },
    ];
    expect(chooseRung(ladderOf(specs, 0.01), OBJECTIVE).rung).toBe("a");
    expect(chooseRung(ladderOf(specs, 0.008), OBJECTIVE).rung).toBe("b");
  });

  test("of equals is the simplest, also where nothing is noise", () => {
    const choice = chooseRung(ladderOf(Array(3).fill({ quality: 0.5, p99: 20 })), OBJECTIVE);
    expect(choice.rung).toBe("a");
    expect(verdictOf(choice, "c")).toMatchObject({ verdict: "not-better", than: "a" });
  });

  test("goes on from what was chosen: two steps within the noise are no step", () => {
    const specs = [0.5, 0.506, 0.512].map((quality) => ({ quality, p99: 20 }));
    const choice = chooseRung(ladderOf(specs, 0.01), OBJECTIVE);
    expect(verdictOf(choice, "b")).toMatchObject({ verdict: "not-better", than: "a" });
    // The third is compared with the first, not with the second, and is above its noise.
    expect(choice.rung).toBe("c");
  });

  test("takes what is clearly cheaper to serve for simpler, wherever it stands in the ladder", () => {
    const specs = (cpu: number) => [
      { quality: 0.5, p99: 20, cpu: 10 },
      { quality: 0.7, p99: 30, cpu: 100 },
      { quality: 0.699, p99: 20, cpu },
    ];
    const cheap = chooseRung(ladderOf(specs(100 * CLEARLY_CHEAPER - 1), 0.01), OBJECTIVE);
    expect(cheap.verdicts.map(({ rung }) => rung)).toEqual(["a", "c", "b"]);
    expect(cheap.rung).toBe("c");
    const alike = chooseRung(ladderOf(specs(100 * CLEARLY_CHEAPER + 1), 0.01), OBJECTIVE);
    expect(alike.verdicts.map(({ rung }) => rung)).toEqual(["a", "b", "c"]);
    expect(alike.rung).toBe("b");
    // Cheaper in the median, but not in every round: that may be noise.
    const [first, dear, noisy] = ladderOf(specs(50), 0.01);
    const unsure = chooseRung([first, dear!, { ...noisy!, cpuMs: around(50, 60) }], OBJECTIVE);
    expect(unsure.verdicts.map(({ rung }) => rung)).toEqual(["a", "b", "c"]);
  });

  test("is never empty: where no rung meets the objective it is the fastest, the simplest of equals", () => {
    const choice = chooseRung(
      ladderOf([
        { quality: 0.9, p99: Number.NaN },
        { quality: 0.5, p99: 70 },
        { quality: 0.6, p99: 60 },
        { quality: 0.7, p99: 60 },
      ]),
      OBJECTIVE,
    );
    expect(choice).toMatchObject({ rung: "c", meets: false });
    expect(verdictOf(choice, "d")).toEqual({ rung: "d", verdict: "too-slow", p99Ms: 60 });
  });

  test("without a paired difference does not go on to the more complex rung", () => {
    const [first, second] = ladderOf([
      { quality: 0.5, p99: 20 },
      { quality: 0.9, p99: 20 },
    ]);
    const choice = chooseRung([first, { ...second!, differenceTo: () => null }], OBJECTIVE);
    expect(verdictOf(choice, "b")).toEqual({
      rung: "b",
      verdict: "not-better",
      than: "a",
      difference: null,
    });
  });
});

describe("whatever the rungs are", () => {
  const specs = fc.array(
    fc.record({
      quality: fc.double({ min: 0, max: 1, noNaN: true }),
      p99: fc.double({ min: 1, max: 100, noNaN: true }),
      cpu: fc.double({ min: 1, max: 100, noNaN: true }),
    }),
    { minLength: 1, maxLength: 10 },
  );
  const noise = fc.double({ min: 0, max: 0.2, noNaN: true });
  const margin = fc.double({ min: 0, max: 0.9, noNaN: true });

  test("every rung has one verdict, one of them is chosen, and it meets the objective if any does", () => {
    fc.assert(
      fc.property(specs, noise, margin, (given, halfWidth, free) => {
        const ladder = ladderOf(given, halfWidth);
        const choice = chooseRung(ladder, { p99Ms: 50, margin: free });
        expect(choice.verdicts.map(({ rung }) => rung).toSorted()).toEqual(
          ladder.map(({ name }) => name).toSorted(),
        );
        expect(choice.verdicts.filter(({ verdict }) => verdict === "chosen")).toEqual([
          { rung: choice.rung, verdict: "chosen" },
        ]);
        const chosen = ladder.find(({ name }) => name === choice.rung)!;
        expect(choice.meets).toBe(ladder.some(({ p99Ms }) => p99Ms <= choice.allowedMs));
        expect(chosen.p99Ms <= choice.allowedMs).toBe(choice.meets);
      }),
    );
  });

  test("without noise it is the best of those that meet the objective", () => {
    fc.assert(
      fc.property(specs, (given) => {
        const { rung, meets, allowedMs } = chooseRung(ladderOf(given), OBJECTIVE);
        fc.pre(meets);
        const chosen = given[rung.charCodeAt(0) - 97]!;
        const best = Math.max(...given.filter(({ p99 }) => p99 <= allowedMs).map(({ quality }) => quality));
        expect(chosen.quality).toBe(best);
      }),
    );
  });

  test("what was chosen on the way is worse by more than noise, what was passed over is not better than that", () => {
    fc.assert(
      fc.property(specs, noise, (given, halfWidth) => {
        const { verdicts } = chooseRung(ladderOf(given, halfWidth), OBJECTIVE);
        for (const verdict of verdicts) {
          if (verdict.verdict === "beaten") expect(verdict.difference!.upper).toBeLessThan(0);
          if (verdict.verdict === "not-better") expect(verdict.difference!.lower).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  test("the order is the ladder's, but for what is clearly cheaper than all that it passes", () => {
    fc.assert(
      fc.property(specs, (given) => {
        const cpu = (rung: string) => given[rung.charCodeAt(0) - 97]!.cpu;
        const order = chooseRung(ladderOf(given), OBJECTIVE).verdicts.map(({ rung }) => rung);
        for (let i = 1; i < order.length; i++) {
          const [before, after] = [order[i - 1]!, order[i]!];
          // Two that stand the other way round than in the ladder.
          if (before > after) expect(cpu(before)).toBeLessThan(cpu(after));
        }
      }),
    );
  });
});
