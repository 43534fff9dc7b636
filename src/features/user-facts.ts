/** What the user's facts say: numbers by their logarithm, categories a column a value. */
import type { RequestColumn, RequestGroup } from "./feature-set.ts";

export const userFacts: RequestGroup = {
  name: "user",
  version: 1,
  per: "request",
  smallestDeviation: 0.1,

  columns: ({ facts }) =>
    facts.flatMap(({ key, kind, values = [] }): RequestColumn[] =>
      kind === "number"
        ? [
            { name: `${key}.log`, kind: "log", unknown: 0 },
            { name: `${key}.known`, kind: "flag", unknown: 0 },
          ]
        : [...values.map((value) => `${key}=${value}`), `${key}.other`].map((name) => ({
            name,
            kind: "flag",
            unknown: 0,
          })),
    ),

  prepare({ facts }) {
    let width = 0;
    const readers = facts.map(({ key, kind, values = [] }) => {
      const at = width;
      width += kind === "number" ? 2 : values.length + 1;
      return { key, kind, at, codes: new Map(values.map((value, i) => [value, i])) };
    });
    return ({ query: { context } }) =>
      (values) => {
        const known = context.facts;
        if (known === undefined) return;
        for (const { key, kind, at, codes } of readers) {
          // A name may be that of one of Object's own properties.
          if (!Object.hasOwn(known, key)) continue;
          const value = known[key]!;
          if (kind === "category") {
            values[at + (codes.get(String(value)) ?? codes.size)] = 1;
          } else if (typeof value === "number") {
            values[at] = Math.sign(value) * Math.log1p(Math.abs(value));
            values[at + 1] = 1;
          }
        }
      };
  },
};
