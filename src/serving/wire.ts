/** From the pipeline's types to the types on the wire. */

/** A schema's type with every part read-only, as the pipeline's types are. */
export type Wire<T> = T extends readonly (infer E)[]
  ? readonly Wire<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Wire<T[K]> }
    : T;

/** JSON has neither NaN, which says that there is no value, nor infinities. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
