/** Growing typed arrays: capacity doubles, so that adding n rows copies O(n) values altogether. */

/** Rows that a new catalog has room for. */
export const FIRST_CAPACITY = 1024;

export type NumberColumn = Uint8Array | Int32Array | Float32Array | Float64Array;

/** A column with room for `capacity` values that begins with those of `column`; new places hold `fill`. */
export function widened<Column extends NumberColumn>(column: Column, capacity: number, fill = 0): Column {
  const Make = column.constructor as new (length: number) => Column; // typed arrays are made by their own constructor
  const wider = new Make(capacity);
  if (fill !== 0) wider.fill(fill, column.length);
  wider.set(column);
  return wider;
}

/** The capacity, doubled as often as needed to hold `size`. */
export function capacityFor(size: number, capacity: number): number {
  let wanted = Math.max(capacity, 1);
  while (wanted < size) wanted *= 2;
  return wanted;
}
