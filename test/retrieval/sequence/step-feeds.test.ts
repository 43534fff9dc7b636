/** The inputs of a step against slow plain code that reads the sequences anew for every place. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { ATTRIBUTES_PER_ITEM } from "../../../src/retrieval/sequence/attributes.ts";
import { StepFeeds } from "../../../src/retrieval/sequence/step-feeds.ts";
import { cutWindows, type Window } from "../../../src/retrieval/sequence/windows.ts";
import type { Part } from "../../../src/tensor/index.ts";

const ITEMS = 12;
const CANDIDATES = 5;

/** Item i has code i first; the share says which item it is, too. */
const attributes = {
  codes: Int32Array.from({ length: ITEMS * ATTRIBUTES_PER_ITEM }, (_, i) =>
    i % ATTRIBUTES_PER_ITEM === 0 ? i / ATTRIBUTES_PER_ITEM : 0,
  ),
  shares: Float32Array.from({ length: ITEMS * ATTRIBUTES_PER_ITEM }, (_, i) =>
    i % ATTRIBUTES_PER_ITEM === 0 ? 1 : 0,
  ),
};

const anyUsers = fc.array(fc.array(fc.integer({ min: 0, max: ITEMS - 1 }), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 6,
});

function sequencesOf(users: readonly (readonly number[])[]) {
  const offsets = new Int32Array(users.length + 1);
  users.forEach((items, user) => {
    offsets[user + 1] = offsets[user]! + items.length;
  });
  return { items: Int32Array.from(users.flat()), offsets, itemCount: ITEMS };
}

const data = ({ feeds }: Part, name: string) => feeds[name]!.data as Int32Array | Float32Array;

describe("the inputs of a step", () => {
  it("are the windows' items and targets, and candidates with the places up to which they compete", () => {
    const anyParts = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(
        anyUsers,
        anyParts,
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (users, parts, length, seed) => {
          const sequences = sequencesOf(users);
          const { offsets, items } = sequences;
          const batch = cutWindows(offsets, offsets.slice(1), length, new Random(seed));
          if (batch.length === 0) return;
          const steps = new StepFeeds(sequences, attributes, CANDIDATES);
          // What an earlier step has left must not show.
          steps.of(batch, parts, new Random("before"));
          const step = steps.of(batch, parts, new Random(seed));
          expect(step.length).toBe(Math.min(parts, batch.length));
          const targets = (windows: readonly Window[]) =>
            windows.reduce((sum, { start, end }) => sum + end - start - 1, 0);
          step.forEach((part, n) => {
            const windows = batch.filter((_, i) => i % parts === n);
            expect(part.share).toBeCloseTo(targets(windows) / targets(batch));
            expectPart(part, windows, items, offsets);
          });
        },
      ),
    );
  });

  it("draw every item as a candidate with the same chance, and all of them where there are no more", () => {
    const sequences = sequencesOf([[0, 1, 2]]);
    const batch = cutWindows(sequences.offsets, sequences.offsets.slice(1), 5, new Random(1));
    const drawnBy = (candidates: number, seed: string) => {
      const [part] = new StepFeeds(sequences, attributes, candidates).of(batch, 1, new Random(seed));
      const rows = data(part!, "rows");
      return Array.from(data(part!, "candidates"), (place) => rows[place]!);
    };
    const counts = new Int32Array(ITEMS);
    for (let step = 0; step < 1200; step++) for (const item of drawnBy(3, `s${step}`)) counts[item]!++;
    // 300 each, deviation 15.
    for (const count of counts) expect(Math.abs(count - 300)).toBeLessThan(75);
    expect(drawnBy(ITEMS, "all").toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: ITEMS }, (_, i) => i),
    );
  });

  it("hide some items' own vectors, so that attributes learn to stand alone", () => {
    const sequences = sequencesOf([Array.from({ length: 100 }, (_, i) => i % ITEMS)]);
    const batch = cutWindows(sequences.offsets, sequences.offsets.slice(1), 99, new Random(1));
    const steps = new StepFeeds(sequences, attributes, 5);
    let [hidden, all] = [0, 0];
    for (let step = 0; step < 200; step++) {
      const own = data(steps.of(batch, 1, new Random(`s${step}`))[0]!, "own");
      all += own.length;
      hidden += own.filter((value) => value === 0).length;
    }
    expect(hidden).toBeGreaterThan(0);
    expect(hidden / all).toBeLessThan(0.2);
  });
});

/** What a part of a step holds about these windows. */
function expectPart(part: Part, windows: readonly Window[], items: Int32Array, offsets: Int32Array): void {
  const rows = [...data(part, "rows")];
  expect(new Set(rows).size).toBe(rows.length);
  expect(part.feeds["own"]!.dims).toEqual([rows.length, 1]);
  expect([...data(part, "own")].every((own) => own === 0 || own === 1)).toBe(true);
  rows.forEach((row, i) => {
    expect(data(part, "attributes")[i * ATTRIBUTES_PER_ITEM]).toBe(row);
    expect(data(part, "shares")[i * ATTRIBUTES_PER_ITEM]).toBe(1);
  });

  const candidates = [...data(part, "candidates")].map((place) => rows[place]!);
  expect(candidates).toHaveLength(CANDIDATES);
  expect(new Set(candidates).size).toBe(CANDIDATES);

  const [B, L] = part.feeds["tokens"]!.dims as [number, number];
  expect(B).toBe(windows.length);
  // Attention wants two places at least.
  expect(L).toBe(Math.max(2, ...windows.map(({ start, end }) => end - start - 1)));
  windows.forEach(({ user, start, end }, b) => {
    for (let p = 0; p < L; p++) {
      const counts = start + p < end - 1;
      expect(data(part, "counts")[b * L + p]).toBe(counts ? 1 : 0);
      if (!counts) continue;
      expect(rows[data(part, "tokens")[b * L + p]!]).toBe(items[start + p]);
      expect(rows[data(part, "targets")[b * L + p]!]).toBe(items[start + p + 1]);
      // What the user has taken up to the target does not compete with it.
      const seen = new Set(items.subarray(offsets[user]!, start + p + 2));
      candidates.forEach((candidate, c) => {
        // The rule of models/sequence-encoder.ts: the place from which on it has been seen lies behind p + 1.
        const competes = data(part, "from")[b * CANDIDATES + c]! > p + 1;
        expect([candidate, competes]).toEqual([candidate, !seen.has(candidate)]);
      });
    }
  });
}
