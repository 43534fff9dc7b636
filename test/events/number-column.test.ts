import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../src/events/byte-reader.ts";
import { ByteWriter } from "../../src/events/byte-writer.ts";
import { NumberColumn } from "../../src/events/number-column.ts";

/** Written and read again, with what it took. */
function roundTrip(values: readonly (number | undefined)[]) {
  const column = new NumberColumn();
  column.reset(values.length);
  for (const [row, value] of values.entries()) column.set(row, value);
  const out = new ByteWriter(1);
  column.write(out);
  const from = new ByteReader();
  from.open(out.bytes, 0);
  const read = new NumberColumn();
  // What it held before must not show.
  read.reset(3);
  for (let row = 0; row < 3; row++) read.set(row, 9);
  read.read(from, values.length);
  expect(from.at).toBe(out.at);
  expect(read.isFull).toBe(values.every((value) => value !== undefined));
  return { values: values.map((_, row) => (read.has(row) ? read.values[row] : undefined)), bytes: out.at };
}

describe("a column of numbers", () => {
  it("comes back with every bit and every gap", () => {
    const float32 = fc.float({ noNaN: true });
    const kinds = [
      fc.double(),
      float32,
      fc.maxSafeNat(),
      fc.nat(200),
      fc.nat(99_999).map((n) => n / 1e5),
      fc.tuple(fc.nat(), fc.nat(12)).map(([n, digits]) => n / 10 ** digits),
      fc.constantFrom(0, -0, 1, 0.5, -1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 5e-324, Number.MAX_VALUE),
    ];
    const lists = kinds.map((kind) =>
      fc.oneof(fc.array(kind, { maxLength: 80 }), fc.array(fc.option(kind, { nil: undefined }))),
    );
    const property = fc.property(fc.oneof(...lists), (values) => {
      // toEqual tells -0 from 0 and takes NaN as equal to NaN.
      expect(roundTrip(values).values).toEqual(values);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it.each<[string, (number | undefined)[], number]>([
    ["no value", [undefined, undefined], 1],
    ["no row", [], 1],
    ["row numbers", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1],
    ["row numbers with gaps", [0, undefined, 2, 3, 4, 5, 6, 7, 8], 3],
    ["one small integer", [1, 1, 1, 1, 1, 1, 1, 1], 2],
    ["one number", [Math.PI, Math.PI, Math.PI, Math.PI], 9],
    ["small integers", [5, 3, 1, 0], 5],
    ["a negative zero among them", [5, 3, 1, -0], 17],
    ["halves", [0.5, 1.5, 2.25, -0.5], 17],
    ["rounded numbers", [0.1, 0.25, 0.002488, 1], 2 + 3 + 3 + 2 + 3],
    ["rounded numbers and one that is not", [0.1, 0.25, 0.1 + 0.2], 25],
    ["rounded numbers and a negative zero", [0.1, 0.25, -0], 25],
    ["rounded numbers far apart", [1e-10, 12_345_678], 17],
    ["doubles", [0.1 + 0.2, Math.PI, Math.E], 25],
  ])("takes the smallest form for %s", (_, values, bytes) => {
    const result = roundTrip(values);
    expect(result.values).toEqual(values);
    expect(result.bytes).toBe(bytes);
  });

  it("of an unknown form is refused", () => {
    const from = new ByteReader();
    for (const bytes of [
      [0x0e, 1, 2, 3],
      [0x05, 11, 1, 1, 1],
    ]) {
      from.open(Buffer.from(bytes), 0);
      expect(() => new NumberColumn().read(from, 3)).toThrow(RangeError);
    }
  });
});
