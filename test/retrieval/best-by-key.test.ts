/** The order of a column that is kept while it changes, against a sort of the whole column. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ItemCounters, type RowChanges } from "../../src/catalog/index.ts";
import { BestByKey } from "../../src/retrieval/best-by-key.ts";
import { statisticsRetriever } from "../../src/retrieval/statistics-retriever.ts";
import { NOW, queryOver } from "./checkerboard.ts";

const ITEMS = 60;
const HEAD = 8;

/** A journal of changes: the one that counters keep. */
function journal(): RowChanges & { add(row: number): void } {
  return new ItemCounters().changes;
}

/** Few keys, so that many are equal, also in 32 bits only. */
const anyKey = fc.oneof(fc.constantFrom(-1, 0, 1, 2, 1e9, 1e9 + 1, 1e9 + 2), fc.integer({ min: 0, max: 30 }));
const anyChanges = fc.array(fc.record({ row: fc.nat(ITEMS - 1), key: anyKey }), { maxLength: 20 });
const anySteps = fc.array(
  fc.record({
    changes: anyChanges,
    allowed: fc.uint8Array({ min: 0, max: 1, minLength: ITEMS, maxLength: ITEMS }),
    k: fc.nat(12),
  }),
  { maxLength: 8 },
);

describe("the best by a key that changes", () => {
  it("are those of a sort, whatever changed in between, for whom whatever is allowed", () => {
    fc.assert(
      fc.property(fc.array(anyKey, { minLength: ITEMS, maxLength: ITEMS }), anySteps, (first, steps) => {
        const keys = Float64Array.from(first);
        const changes = journal();
        const head = new BestByKey(HEAD);
        const ordering = { keys, size: ITEMS, changes, origin: 0, nothing: 0, scoreOf: (key: number) => key };
        const source = { name: "kept", signalNames: ["kept"], personal: false };
        const retriever = statisticsRetriever(source, () => ordering, head);
        for (const { changes: changed, allowed, k } of steps) {
          for (const { row, key } of changed) {
            keys[row] = key;
            changes.add(row);
          }
          const { rows, scores } = retriever.retrieve(queryOver([], { allowed, size: ITEMS, now: NOW }), k);
          const sorted = Array.from(keys.keys())
            .filter((row) => allowed[row] === 1 && keys[row]! > 0)
            .sort((a, b) => Math.fround(keys[b]!) - Math.fround(keys[a]!) || a - b)
            .slice(0, k);
          expect([...rows]).toEqual(sorted);
          expect([...scores]).toEqual(sorted.map((row) => Math.fround(keys[row]!)));
          expect(head.count).toBeLessThanOrEqual(2 * HEAD);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are found after more changes than a journal remembers", () => {
    const keys = new Float64Array(ITEMS).map((_, row) => row);
    const changes = journal();
    const head = new BestByKey(HEAD);
    head.follow({ keys, size: ITEMS, changes });
    for (let change = 0; change < 20_000; change++) {
      keys[change % ITEMS] = (change * 7) % 1_000;
      changes.add(change % ITEMS);
    }
    expect(changes.since(0)).toBeUndefined();
    head.follow({ keys, size: ITEMS, changes });
    const sorted = Array.from(keys.keys()).sort((a, b) => keys[b]! - keys[a]! || a - b);
    expect([...head.rows.subarray(0, head.count)]).toEqual(sorted.slice(0, head.count));
    expect(head.count).toBe(HEAD);
  });
});
