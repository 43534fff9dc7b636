import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowPlaces } from "../../src/retrieval/row-places.ts";

describe("places of rows", () => {
  it("are given in the order of first mention, like a Map's, again after each clearing", () => {
    const places = new RowPlaces();
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 31 - 2 }), { maxLength: 3000 }), (rows) => {
        const known = new Map<number, number>();
        places.clear();
        for (const row of rows) {
          expect(places.find(row)).toBe(known.get(row) ?? -1);
          if (!known.has(row)) known.set(row, known.size);
          expect(places.place(row)).toBe(known.get(row));
        }
        expect(places.count).toBe(known.size);
        expect([...places.rows.subarray(0, places.count)]).toEqual([...known.keys()]);
      }),
      { numRuns: 30 },
    );
  });

  it("hold for rows side by side, more than a new table has room for", () => {
    const places = new RowPlaces();
    for (let row = 0; row < 20_000; row++) places.place(row);
    for (let row = 0; row < 20_000; row++) expect(places.find(row)).toBe(row);
    expect(places.find(20_000)).toBe(-1);
    places.clear();
    expect(places.find(7)).toBe(-1);
  });
});
