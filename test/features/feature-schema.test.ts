/** What of a training becomes columns: the commonest values, the facts that many users have, and nothing else. */
import { describe, expect, it } from "vitest";
import type { UserId } from "../../src/core/index.ts";
import type { UserFacts } from "../../src/events/index.ts";
import { fitFeatureSchema, parseFeatureSchema, sourceSchema } from "../../src/features/index.ts";

/** The facts of a schema fitted to users with these facts; undefined for a user without. */
function factsOf(all: readonly (UserFacts | undefined)[]) {
  const users = all.map((_, u) => `u${u}` as UserId);
  const catalog = { userFacts: (user: UserId) => all[Number(user.slice(1))] };
  return fitFeatureSchema({ sources: [], catalog, users, surfaces: [], devices: [] }).facts;
}

describe("a feature schema", () => {
  it("takes codes and texts as categories, most frequent first, and amounts as numbers", () => {
    const some = Array.from({ length: 30 }, (_, u) => ({
      code: u % 3 === 0 ? 7 : 1,
      amount: u / 2,
      many: u,
      country: u < 4 ? "DE" : "NO",
      paying: u < 10,
      mixed: u < 5 ? 1.5 : "x",
    }));
    expect(factsOf([...some, undefined])).toEqual([
      { key: "amount", kind: "number" },
      { key: "code", kind: "category", values: ["1", "7"] },
      { key: "country", kind: "category", values: ["NO", "DE"] },
      { key: "many", kind: "number" },
      { key: "mixed", kind: "category", values: ["x", "1.5"] },
      { key: "paying", kind: "category", values: ["false", "true"] },
    ]);
  });

  it("keeps the 24 commonest values of a category, and the 40 facts that most users have", () => {
    const names = factsOf(Array.from({ length: 100 }, (_, u) => ({ name: u < 50 ? "same" : `n${u}` })));
    expect(names[0]!.values).toHaveLength(24);
    expect(names[0]!.values![0]).toBe("same");
    const wide = Object.fromEntries(Array.from({ length: 60 }, (_, k) => [`k${k}`, "x"]));
    const facts = factsOf([wide, wide, { rare: "x", k59: "x" }]);
    expect(facts).toHaveLength(40);
    expect(facts[0]!.key).toBe("k59");
  });

  it("leaves out a fact that fewer than one in a hundred of the users with facts have", () => {
    const keys = (users: number) =>
      factsOf([{ a: 1, b: 1 }, ...Array.from({ length: users - 1 }, () => ({ a: 1 }))]).map(({ key }) => key);
    expect(keys(100)).toEqual(["a", "b"]);
    expect(keys(101)).toEqual(["a"]);
  });

  it("counts the places of slates, those of equal count by name", () => {
    const schema = fitFeatureSchema({
      sources: [{ name: "s", signalNames: ["s", "s-2"] }],
      catalog: { userFacts: () => undefined },
      users: [],
      surfaces: ["b", undefined, "a", "c", "c"],
      devices: [],
    });
    expect(schema).toMatchObject({
      sources: ["s"],
      signals: ["s", "s-2"],
      surfaces: ["c", "a", "b"],
      devices: [],
    });
  });

  it("comes out of JSON as it was, and nothing else does", () => {
    const schema = { ...sourceSchema([]), facts: [{ key: "a", kind: "category", values: ["x"] }] };
    expect(parseFeatureSchema(JSON.parse(JSON.stringify(schema)))).toEqual(schema);
    for (const odd of [
      null,
      7,
      {},
      { ...schema, sources: "x" },
      { ...schema, facts: [{ key: "a", kind: "category" }] },
      { ...schema, facts: [{ key: 1, kind: "number" }] },
      { ...schema, devices: [1] },
    ]) {
      expect(parseFeatureSchema(odd)).toBeUndefined();
    }
  });
});
