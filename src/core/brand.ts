/** A nominal type over a structural one: `Brand<number, "Ms">` is a number that only code which meant milliseconds can make. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
