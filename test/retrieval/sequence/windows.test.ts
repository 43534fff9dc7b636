import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { batchesOf, cutWindows, type Window } from "../../../src/retrieval/sequence/windows.ts";

/** Users by their number of entries, of which the newest may be held out. */
const anyUsers = fc.array(
  fc.record({ entries: fc.integer({ min: 0, max: 40 }), held: fc.integer({ min: 0, max: 1 }) }),
  { maxLength: 12 },
);
const anySeed = fc.nat();

function columnsOf(users: readonly { entries: number; held: number }[]) {
  const offsets = new Int32Array(users.length + 1);
  users.forEach(({ entries }, user) => {
    offsets[user + 1] = offsets[user]! + entries;
  });
  const ends = Int32Array.from(users, ({ held }, user) =>
    Math.max(offsets[user]!, offsets[user + 1]! - held),
  );
  return { offsets, ends };
}

const readBy = ({ start, end }: Window): number => end - start - 1;

describe("windows", () => {
  it("predict every entry but a user's first exactly once, read at most `length`, and stay within their user", () => {
    fc.assert(
      fc.property(anyUsers, fc.integer({ min: 1, max: 15 }), anySeed, (users, length, seed) => {
        const { offsets, ends } = columnsOf(users);
        const predicted = new Int32Array(offsets.at(-1)!);
        for (const window of cutWindows(offsets, ends, length, new Random(seed))) {
          expect(readBy(window)).toBeGreaterThanOrEqual(1);
          expect(readBy(window)).toBeLessThanOrEqual(length);
          expect(window.start).toBeGreaterThanOrEqual(offsets[window.user]!);
          expect(window.end).toBeLessThanOrEqual(ends[window.user]!);
          for (let entry = window.start + 1; entry < window.end; entry++) predicted[entry]!++;
        }
        const wanted = new Int32Array(offsets.at(-1)!);
        users.forEach((_, user) => {
          wanted.fill(1, Math.min(offsets[user]! + 1, ends[user]!), ends[user]!);
        });
        expect(predicted).toEqual(wanted);
      }),
    );
  });

  it("begin elsewhere each time", () => {
    const { offsets, ends } = columnsOf([{ entries: 100, held: 0 }]);
    const starts = (seed: number) =>
      cutWindows(offsets, ends, 10, new Random(seed)).map(({ start }) => start);
    expect(starts(1)).not.toEqual(starts(2));
    expect(starts(1)).toEqual(starts(1));
  });
});

describe("batches", () => {
  it("lose no window, and have at most so many places unless one window alone has more", () => {
    fc.assert(
      fc.property(
        anyUsers,
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 1, max: 60 }),
        anySeed,
        (users, length, places, seed) => {
          const { offsets, ends } = columnsOf(users);
          const windows = cutWindows(offsets, ends, length, new Random(seed));
          const batches = batchesOf(windows, places, new Random(seed));
          expect(new Set(batches.flat())).toEqual(new Set(windows));
          expect(batches.flat()).toHaveLength(windows.length);
          for (const batch of batches) {
            expect(batch.length).toBeGreaterThan(0);
            const taken = batch.length * Math.max(...batch.map(readBy));
            if (batch.length > 1) expect(taken).toBeLessThanOrEqual(places);
          }
        },
      ),
    );
  });

  it("pad little: what is read together is nearly of one length", () => {
    const random = new Random("lengths");
    const { offsets, ends } = columnsOf(
      Array.from({ length: 500 }, () => ({ entries: 2 + random.int(50), held: 0 })),
    );
    const windows = cutWindows(offsets, ends, 50, random);
    const read = windows.reduce((sum, window) => sum + readBy(window), 0);
    const places = batchesOf(windows, 400, random).reduce(
      (sum, batch) => sum + batch.length * Math.max(...batch.map(readBy)),
      0,
    );
    expect(places).toBeLessThan(1.2 * read);
  });
});
