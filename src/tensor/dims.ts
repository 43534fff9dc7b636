/**
 * Dimensions that may be unknown until run time: a number, or a polynomial in named sizes such as "N", "B*L" or "L+C".
 *
 * Polynomials have one canonical spelling, so two dimensions are equal exactly if their spellings are. A named size is
 * taken to differ from 1: an axis broadcasts only where the trace says 1.
 */

export type Dim = number | string;
export type Shape = readonly Dim[];

/** Coefficient of each product of names ("" for the constant), names of a product sorted. */
type Polynomial = Map<string, number>;

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const sum = new Map(parse(a));
  for (const [names, factor] of parse(b)) sum.set(names, (sum.get(names) ?? 0) + factor);
  return print(sum);
}

export function subtractDims(a: Dim, b: Dim): Dim {
  return addDims(a, multiplyDims(-1, b));
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  const product: Polynomial = new Map();
  for (const [left, m] of parse(a)) {
    for (const [right, n] of parse(b)) {
      const names = [...factors(left), ...factors(right)].sort().join("*");
      product.set(names, (product.get(names) ?? 0) + m * n);
    }
  }
  return print(product);
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): Dim {
  return shape.reduce<Dim>(multiplyDims, 1);
}

export function sameDim(a: Dim, b: Dim): boolean {
  return canonical(a) === canonical(b);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]!));
}

export function canonical(dim: Dim): Dim {
  return typeof dim === "number" ? dim : print(parse(dim));
}

/** The terms of a dimension: how often each product of names counts. */
export function termsOf(dim: Dim): { readonly names: readonly string[]; readonly count: number }[] {
  return [...parse(dim)].map(([names, count]) => ({ names: factors(names), count }));
}

/** "[N, 40]" */
export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

function factors(names: string): string[] {
  return names === "" ? [] : names.split("*");
}

function parse(dim: Dim): Polynomial {
  const out: Polynomial = new Map();
  const terms = typeof dim === "number" ? [String(dim)] : dim.replaceAll("-", "+-").split("+");
  for (const term of terms) {
    if (term.trim() === "") continue;
    let count = 1;
    const names: string[] = [];
    for (const factor of term.split("*")) {
      const text = factor.trim();
      const negative = text.startsWith("-");
      const bare = negative ? text.slice(1).trim() : text;
      if (negative) count = -count;
      if (/^\d+$/.test(bare)) count *= Number(bare);
      else names.push(bare);
    }
    const key = names.sort().join("*");
    out.set(key, (out.get(key) ?? 0) + count);
  }
  return out;
}

function print(polynomial: Polynomial): Dim {
  const terms = [...polynomial].filter(([, count]) => count !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (terms.length === 0) return 0;
  if (terms.length === 1 && terms[0]![0] === "") return terms[0]![1];
  // The constant last, as people write it.
  if (terms[0]![0] === "") terms.push(terms.shift()!);
  return terms
    .map(([names, count]) => (names === "" ? String(count) : count === 1 ? names : `${count}*${names}`))
    .join("+")
    .replaceAll("+-", "-");
}
