import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { ManualClock, MINUTE, SECOND, silent } from "../../src/core/index.ts";
import type { FitContext, Source } from "../../src/retrieval/index.ts";
import { popular } from "../../src/retrieval/popular.ts";
import { fitSources } from "../../src/training/fit-sources.ts";
import { sequencesOf } from "../retrieval/checkerboard.ts";

/** A source whose fit takes some seconds and keeps how often it was fitted. */
function counting(name: string, seconds: number, clock: ManualClock, seen: FitContext[]): Source {
  return {
    ...popular,
    name,
    async fit(context) {
      seen.push(context);
      clock.advance(seconds * SECOND);
      const { fits: before } = context.previous ?? {};
      return { fits: Int32Array.of(1 + (before instanceof Int32Array ? before[0]! : 0)) };
    },
  };
}

describe("fitting sources", () => {
  const sequences = sequencesOf([[0, 1]], 2);

  it("gives each source the time that those before it have left, and never less than none", async () => {
    const clock = new ManualClock();
    const seen: FitContext[] = [];
    const sources = [20, 50, 1].map((seconds, i) => counting(`s${i}`, seconds, clock, seen));
    const settings = {
      catalog: createCatalog(),
      seed: 1,
      clock,
      budget: MINUTE,
      timeBudget: MINUTE,
      progress: silent,
    };
    const fitted = await fitSources([...sources, popular], sequences, settings);
    expect(seen.map(({ budget }) => budget)).toEqual([60_000, 40_000, 0]);
    expect(Object.keys(fitted)).toEqual(["s0", "s1", "s2"]);
  });

  it("hands each source what it kept before, under its own name", async () => {
    const clock = new ManualClock();
    const seen: FitContext[] = [];
    const [a, b] = ["a", "b"].map((name) => counting(name, 0, clock, seen));
    const settings = {
      catalog: createCatalog(),
      seed: 1,
      clock,
      budget: MINUTE,
      timeBudget: MINUTE,
      progress: silent,
    };
    const first = await fitSources([a!], sequences, settings);
    const second = await fitSources([a!, b!], sequences, { ...settings, previous: first });
    expect(second).toEqual({ a: { fits: Int32Array.of(2) }, b: { fits: Int32Array.of(1) } });
    expect(seen.map((context) => "previous" in context)).toEqual([false, true, false]);
  });
});
