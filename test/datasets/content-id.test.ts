import fc from "fast-check";
import { expect, it } from "vitest";
import { contentId } from "../../src/datasets/index.ts";

it("keeps its ids for ever, since importing again must find them", () => {
  expect(contentId("interaction", "u1", "v1", 1650816000000, 2, 0.5)).toMatchInlineSnapshot(
    `"-2hAOYM4EuuhsTYK"`,
  );
  expect(contentId("item", "ü", undefined)).toMatchInlineSnapshot(`"pn5FyHNpPDOKc8XI"`);
  expect(contentId()).toMatchInlineSnapshot(`"0000000000000000"`);
});

it("gives different contents different ids, and equal contents equal ones", () => {
  const part = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "\0", "é") }),
    fc.integer(),
    fc.constant(undefined),
  );
  const parts = fc.array(part, { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(contentId(...a) === contentId(...b)).toBe(
        JSON.stringify(a.map(named)) === JSON.stringify(b.map(named)),
      );
    }),
    { numRuns: 2000 },
  );
});

function named(part: string | number | undefined): unknown {
  return part === undefined ? ["absent"] : typeof part === "number" ? part + 0 : part;
}

it("spreads ids that differ in a digit over all characters", () => {
  const ids = Array.from({ length: 20_000 }, (_, i) =>
    contentId("interaction", String(i % 100), String(i), i),
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (let at = 0; at < 16; at++) {
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(id[at]!, (counts.get(id[at]!) ?? 0) + 1);
    // 20,000 over 64 characters: 312 each, deviation 17.5; six deviations.
    expect(counts.size).toBe(64);
    for (const count of counts.values()) expect(Math.abs(count - 312.5)).toBeLessThan(105);
  }
});

it("takes a text longer than its first buffer", () => {
  expect(contentId("x".repeat(100_000))).not.toBe(contentId("x".repeat(100_001)));
  expect(contentId("x".repeat(100_000))).toBe(contentId("x".repeat(100_000)));
});
