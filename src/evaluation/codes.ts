/** Numbers as codes. */

/** (N) the given numbers counted from 0 in the order of their first appearance. */
export function codesOf(numbers: Int32Array): { readonly size: number; readonly codes: Int32Array } {
  const known = new Map<number, number>();
  const codes = new Int32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    let code = known.get(numbers[i]!);
    if (code === undefined) {
      code = known.size;
      known.set(numbers[i]!, code);
    }
    codes[i] = code;
  }
  return { size: known.size, codes };
}
