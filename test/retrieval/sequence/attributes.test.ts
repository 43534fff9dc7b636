import { describe, expect, it } from "vitest";
import { createCatalog } from "../../../src/catalog/index.ts";
import {
  ATTRIBUTES_PER_ITEM,
  attributeSpace,
  attributesOf,
  codesOf,
  readAttributes,
} from "../../../src/retrieval/sequence/attributes.ts";
import { extend, itemOf, NOW, upsert } from "../checkerboard.ts";

const FACTS = [
  { categories: ["music", "craft"], creator: "ann" },
  { categories: ["craft"], creator: "bob" },
  {},
  { creator: "ann" },
];

function catalogOf(facts: readonly Parameters<typeof upsert>[2][]) {
  const catalog = createCatalog();
  extend(
    catalog,
    facts.map((some, row) => upsert(itemOf(row), NOW, some)),
  );
  return catalog;
}

describe("attributes of items", () => {
  it("are codes of their own for every category and creator, the same wherever they occur", () => {
    const catalog = catalogOf(FACTS);
    const space = attributeSpace(catalog);
    const { codes, shares } = attributesOf(catalog, FACTS.length, space);
    const of = (row: number) => {
      const at = row * ATTRIBUTES_PER_ITEM;
      return [...codes.subarray(at, at + ATTRIBUTES_PER_ITEM)].filter((code) => code > 0);
    };
    const [ann, music, craft] = of(0) as [number, number, number];
    expect(new Set([ann, music, craft]).size).toBe(3);
    expect(of(1)).toEqual([expect.any(Number), craft]);
    expect(of(1)[0]).not.toBe(ann);
    expect([of(2), of(3)]).toEqual([[], [ann]]);
    expect(Math.max(...codes)).toBeLessThan(codesOf(space));
    // Each counts so that all together have the length of one.
    for (let row = 0; row < FACTS.length; row++) {
      const own = shares.subarray(row * ATTRIBUTES_PER_ITEM, (row + 1) * ATTRIBUTES_PER_ITEM);
      const squares = own.reduce((sum, share) => sum + share ** 2, 0);
      expect(squares).toBeCloseTo(of(row).length === 0 ? 0 : 1);
    }
  });

  it("leave out what came after the space was made, and leave the rest as it was", () => {
    const catalog = catalogOf(FACTS);
    const space = attributeSpace(catalog);
    const before = attributesOf(catalog, FACTS.length, space);
    extend(catalog, [
      upsert("new" as never, NOW, { categories: ["ships", "craft"], creator: "carl" }),
      upsert("newer" as never, NOW, { categories: ["ships"], creator: "ann" }),
    ]);
    expect(attributesOf(catalog, FACTS.length, space)).toEqual(before);
    const codes = new Int32Array(ATTRIBUTES_PER_ITEM);
    const of = (row: number) => [...codes.subarray(0, readAttributes(catalog, row, space, codes, 0))];
    const [ann, , craft] = of(0);
    expect(of(4)).toEqual([craft]);
    expect(of(5)).toEqual([ann]);
  });

  it("are as many as there is room for", () => {
    const many = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const catalog = catalogOf([{ categories: many, creator: "ann" }, { categories: many }]);
    const space = attributeSpace(catalog);
    const codes = new Int32Array(ATTRIBUTES_PER_ITEM + 1);
    for (const row of [0, 1]) expect(readAttributes(catalog, row, space, codes, 0)).toBe(ATTRIBUTES_PER_ITEM);
    expect(codes.at(-1)).toBe(0);
  });

  it("are none in an empty catalog", () => {
    const space = attributeSpace(createCatalog());
    expect(space).toEqual({ categories: 1, creators: 1 });
    expect(codesOf(space)).toBe(1);
    expect(attributesOf(createCatalog(), 0, space).codes).toHaveLength(0);
  });
});
