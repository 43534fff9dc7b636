/** Vectors of a growing catalog against plain sums, and against the graph that training uses. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../../src/catalog/index.ts";
import { Random } from "../../../src/core/index.ts";
import type { ItemFacts } from "../../../src/events/index.ts";
import { itemVectors } from "../../../src/models/index.ts";
import {
  ATTRIBUTES_PER_ITEM,
  attributeSpace,
  attributesOf,
  codesOf,
} from "../../../src/retrieval/sequence/attributes.ts";
import { ItemVectors } from "../../../src/retrieval/sequence/item-vectors.ts";
import { itemFeeds } from "../../../src/retrieval/sequence/step-feeds.ts";
import { compileServing, Graph, loadModel, type Shortlist } from "../../../src/tensor/index.ts";
import { FirstLook } from "../../../src/tensor/shortlist.ts";
import { extend, itemOf, NOW, upsert } from "../checkerboard.ts";

const WIDTH = 8;
const TRAINED = 6;
const random = new Random("item vectors");
const drawn = (rows: number) => Float32Array.from({ length: rows * WIDTH }, () => random.normal());

const factsOf = (row: number): ItemFacts =>
  row === 2 ? {} : { categories: row % 2 ? ["music", "craft"] : ["ships"], creator: `c${row % 3}` };

/** TRAINED items with facts, and tables for them. */
function world() {
  const catalog = createCatalog();
  extend(
    catalog,
    Array.from({ length: TRAINED }, (_, row) => upsert(itemOf(row), NOW, factsOf(row))),
  );
  const space = attributeSpace(catalog);
  const tables = {
    width: WIDTH,
    space,
    own: drawn(TRAINED),
    unknown: drawn(1),
    attributes: drawn(codesOf(space)),
  };
  return { catalog, tables, vectors: new ItemVectors(tables, catalog) };
}

type World = ReturnType<typeof world>;

/** The vector by hand, from the codes of all items. */
function plain({ tables }: World, codes: Int32Array, row: number): number[] {
  const own = codes.subarray(row * ATTRIBUTES_PER_ITEM, (row + 1) * ATTRIBUTES_PER_ITEM).filter((c) => c > 0);
  return Array.from({ length: WIDTH }, (_, d) => {
    const base = row < TRAINED ? tables.own[row * WIDTH + d]! : tables.unknown[d]!;
    let mixed = 0;
    for (const code of own) mixed += tables.attributes[code * WIDTH + d]! / Math.sqrt(own.length);
    return base + mixed;
  });
}

function expectPlain(one: World): void {
  const { catalog, tables, vectors } = one;
  const { codes } = attributesOf(catalog, catalog.size, tables.space);
  const rows = Array.from({ length: catalog.size }, (_, row) => row);
  const all = vectors.of(rows);
  const user = drawn(1);
  const dots = new Float32Array(rows.length);
  vectors.dot(Int32Array.from(rows), user, dots);
  for (const row of rows) {
    const wanted = plain(one, codes, row);
    wanted.forEach((value, d) => {
      expect(all[row * WIDTH + d]).toBeCloseTo(value, 5);
    });
    expect(dots[row]).toBeCloseTo(
      wanted.reduce((sum, value, d) => sum + value * user[d]!, 0),
      4,
    );
  }
  // What is searched is the same.
  const top = vectors.top(user, new Uint8Array(catalog.size).fill(1), catalog.size);
  expect([...top.rows].toSorted((a, b) => a - b)).toEqual(rows);
  top.rows.forEach((row, i) => {
    expect(top.scores[i]).toBeCloseTo(dots[row]!, 4);
  });
}

describe("item vectors", () => {
  it("are the item's own and its attributes', or the unknown item's where it came later", () => {
    const one = world();
    expectPlain(one);
    extend(one.catalog, [
      upsert(itemOf(10), NOW, { categories: ["craft", "later"], creator: "c1" }),
      upsert(itemOf(11), NOW),
    ]);
    expectPlain(one);
    expect([...one.vectors.of([TRAINED + 1])]).toEqual([...one.tables.unknown]);
  });

  it("follow facts that change, to the same number of categories or another, and back", () => {
    const one = world();
    const before = one.vectors.of([1]);
    for (const facts of [
      { categories: ["craft", "ships"], creator: "c1" },
      { categories: ["ships"], creator: "c2" },
      {},
    ]) {
      extend(one.catalog, [upsert(itemOf(1), NOW, facts)]);
      expect(one.vectors.of([1])).not.toEqual(before);
      expectPlain(one);
    }
    extend(one.catalog, [upsert(itemOf(1), NOW, factsOf(1))]);
    expect(one.vectors.of([1])).toEqual(before);
  });

  it("stay right while the catalog moves its lists of categories about", () => {
    const one = world();
    const kinds = ["music", "craft", "ships"];
    for (let change = 0; change < 400; change++) {
      const categories = [kinds[change % 3]!, kinds[(change + 1 + (change >> 4)) % 3]!];
      extend(one.catalog, [upsert(itemOf(change % TRAINED), NOW + change, { categories, creator: "c0" })]);
      if (change % 7 === 0) expectPlain(one);
    }
    expectPlain(one);
  });

  it("grow with the catalog past any capacity", () => {
    const one = world();
    for (let round = 0; round < 4; round++) {
      const first = one.catalog.size;
      const count = 1 + 3 * first;
      extend(
        one.catalog,
        Array.from({ length: count }, (_, i) => upsert(`n${first + i}` as never, NOW, factsOf(i))),
      );
      one.vectors.of([0]);
    }
    expect(one.catalog.size).toBeGreaterThan(1000);
    expectPlain(one);
  });

  it("are found by lists that were made before items came, changed, and outgrew the room for them", () => {
    const catalog = createCatalog();
    const items = 9_000;
    const come = (from: number, count: number) =>
      extend(
        catalog,
        Array.from({ length: count }, (_, i) => upsert(`m${from + i}` as never, NOW, factsOf(i))),
      );
    come(0, items);
    const space = attributeSpace(catalog);
    const tables = {
      ...{ width: WIDTH, space, own: drawn(items), unknown: drawn(1), attributes: drawn(codesOf(space)) },
    };
    const vectors = new ItemVectors(tables, catalog);
    let look: FirstLook | undefined;
    const listOf = (user: Float32Array) => {
      const rows = look === undefined ? vectors.feed.all() : vectors.feed.changes();
      if (rows !== undefined && !look?.takes(rows)) look = new FirstLook(rows);
      if (rows !== undefined) look!.put(rows);
      return look!.shortlist(user)!;
    };
    const steps = [
      () => {},
      () => come(items, 40),
      () => extend(catalog, [upsert("m7" as never, NOW, {}), upsert("m8" as never, NOW, factsOf(2))]),
      () => come(items + 40, 6_000),
      () => come(items + 6_040, 3),
    ];
    const asked: { user: Float32Array; list: Shortlist }[] = [];
    for (const step of steps) {
      step();
      const user = drawn(1);
      asked.push({ user, list: listOf(user) });
      const allowed = new Uint8Array(catalog.size).fill(1);
      for (const { user, list } of asked)
        expect(vectors.top(user, allowed, 900, list)).toEqual(vectors.top(user, allowed, 900));
    }
    // Each is of a version of its own, none of which comes again with other places.
    const versions = asked.map(({ list }) => list.version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  });

  it("are those of the graph that training uses", async () => {
    const { catalog, tables, vectors } = world();
    extend(catalog, [upsert(itemOf(10), NOW, { categories: ["craft"], creator: "c1" })]);
    const shape = {
      items: TRAINED,
      attributes: codesOf(tables.space),
      attributesPerItem: ATTRIBUTES_PER_ITEM,
      width: WIDTH,
      heads: 1,
      blocks: 1,
      inner: WIDTH,
      length: 4,
      inputDropout: 0,
      dropout: 0,
    };
    const traced = compileServing(
      { vectors: itemVectors(new Graph(), shape).vectors },
      { items: tables.own, unknown: tables.unknown, "attributes.table": tables.attributes },
    );
    const model = await loadModel(traced);
    // The item that came later reads any row of the table, and does not count it.
    const rows = Int32Array.of(0, 1, 2, 3, 4, 5, 0);
    const facts = Int32Array.of(0, 1, 2, 3, 4, 5, TRAINED);
    const own = Float32Array.of(1, 1, 1, 1, 1, 1, 0);
    const feeds = itemFeeds(facts, own, attributesOf(catalog, catalog.size, tables.space));
    const found = await model.run({ ...feeds, rows: { data: rows, dims: [rows.length] } });
    await model.close();
    const here = vectors.of(facts);
    expect(found["vectors"]!.data).toHaveLength(here.length);
    here.forEach((value, i) => {
      expect(Math.abs(value - Number(found["vectors"]!.data[i]))).toBeLessThan(1e-6);
    });
  });

  it("are made in pieces between turns of the loop, with what changes meanwhile", async () => {
    const one = world();
    const { catalog, vectors } = one;
    const more = Array.from({ length: 700 }, (_, i) => upsert(itemOf(TRAINED + i), NOW, factsOf(i)));
    extend(catalog, more);
    let turns = 0;
    const filled = vectors.fill().then(() => "filled");
    const turn = () => nextTurn("turn");
    while ((await Promise.race([filled, turn()])) === "turn") {
      if (turns++ > 0) continue;
      extend(catalog, [
        upsert(itemOf(1), NOW, { categories: ["ships"] }),
        upsert(itemOf(706), NOW, factsOf(1)),
      ]);
    }
    expect(turns).toBeGreaterThan(1);
    expectPlain(one);
  });

  it("begin with a catalog that has nothing in it", () => {
    const catalog: Catalog = createCatalog();
    const { tables } = world();
    const vectors = new ItemVectors({ ...tables, own: new Float32Array(0) }, catalog);
    const top = vectors.top(drawn(1), new Uint8Array(0), 5);
    expect([top.rows.length, top.logSum]).toEqual([0, -Infinity]);
    extend(catalog, [upsert(itemOf(0), NOW)]);
    expect([...vectors.of([0])]).toEqual([...tables.unknown]);
  });
});
