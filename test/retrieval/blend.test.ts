/** Fusing what sources found: a known answer, provenance, and the same candidates by every way. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  blend,
  type Contribution,
  candidatesOf,
  encodeAll,
  type LoadedSource,
  loadSources,
  pickCandidates,
  type Query,
  retrieveAll,
  sourcesNamed,
} from "../../src/retrieval/index.ts";
import { checkerboardCatalog, fitted, KNOWN, queryOver } from "./checkerboard.ts";

/** A source that found `rows` with scores n, n - 1, … 1, and whose one signal is 10 times the row. */
function found(name: string, weight: number, rows: readonly number[]): Contribution {
  return {
    name,
    weight,
    signalNames: [name],
    retrieved: {
      rows: Int32Array.from(rows),
      scores: Float32Array.from(rows, (_, rank) => rows.length - rank),
      signals: (asked, [out]) => {
        for (let i = 0; i < asked.length; i++) out![i] = 10 * asked[i]!;
      },
    },
  };
}

const silent: Contribution = { name: "late", weight: 1, signalNames: ["late", "late-too"], retrieved: null };

describe("the blend", () => {
  it("sums weight / (60 + rank) over the sources that found a candidate, and tells who found it where", () => {
    const blended = blend([found("a", 1, [5, 3]), silent, found("b", 0.5, [3, 7])], 10);
    expect(blended).toEqual({
      rows: Int32Array.of(3, 5, 7),
      fused: Float32Array.of(1 / 61 + 0.5 / 60, 1 / 60, 0.5 / 61),
      sourceNames: ["a", "late", "b"],
      ranks: [Int32Array.of(1, 0, -1), Int32Array.of(-1, -1, -1), Int32Array.of(0, -1, 1)],
      scores: [Float32Array.of(1, 2, 0), Float32Array.of(0, 0, 0), Float32Array.of(2, 0, 1)],
      bestScores: Float32Array.of(2, 0, 2),
      signalNames: ["a", "late", "late-too", "b"],
      signals: [
        Float32Array.of(30, 50, 70),
        Float32Array.of(0, 0, 0),
        Float32Array.of(0, 0, 0),
        Float32Array.of(30, 50, 70),
      ],
    });
  });

  it("keeps the best for a limit of 0, 1, n and n + 1", () => {
    const contributions = [found("a", 1, [5, 3]), found("b", 0.5, [3, 7])];
    expect([0, 1, 3, 4].map((limit) => [...blend(contributions, limit).rows])).toEqual([
      [],
      [3],
      [3, 5, 7],
      [3, 5, 7],
    ]);
  });

  it("orders equal candidates by row", () => {
    const contributions = [found("a", 1, [9]), found("b", 1, [4]), found("c", 1, [6])];
    expect([...blend(contributions, 3).rows]).toEqual([4, 6, 9]);
  });

  it("is empty where no source was asked, or none found anything", () => {
    expect(blend([], 10).rows).toHaveLength(0);
    expect(blend([silent, found("a", 1, [])], 10)).toMatchObject({
      rows: new Int32Array(0),
      sourceNames: ["late", "a"],
      bestScores: Float32Array.of(0, 0),
    });
  });

  it("repeats no candidate of sources without a vote", () => {
    const blended = blend([found("a", 0, [5, 3]), found("b", 0, [3, 5])], 10);
    expect([...blended.rows]).toEqual([3, 5]);
  });

  it("gives what a sort of all sums gives, for any lists", () => {
    const anyList = fc.uniqueArray(fc.nat(KNOWN - 1), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(anyList, { maxLength: 4 }), fc.nat(50), (lists, limit) => {
        const contributions = lists.map((rows, s) => found(`${s}`, 1 / (1 + s), rows));
        const sums = new Map<number, number>();
        lists.forEach((rows, s) => {
          rows.forEach((row, rank) => {
            sums.set(row, (sums.get(row) ?? 0) + 1 / (1 + s) / (60 + rank));
          });
        });
        const wanted = [...sums]
          .map(([row, sum]) => ({ row, sum: Math.fround(sum) }))
          .sort((a, b) => b.sum - a.sum || a.row - b.row)
          .slice(0, limit);
        const blended = blend(contributions, limit);
        expect([...blended.rows]).toEqual(wanted.map(({ row }) => row));
        expect([...blended.fused]).toEqual(wanted.map(({ sum }) => sum));
      }),
    );
  });

  it("is not disturbed by a source that fails in the call before", () => {
    const failing: Contribution = {
      ...found("failing", 1, [1, 2]),
      retrieved: {
        ...found("failing", 1, [1, 2]).retrieved!,
        signals: () => {
          throw new Error("gone");
        },
      },
    };
    const contributions = [found("a", 1, [2, 8, 1])];
    const alone = candidatesOf(contributions, Int32Array.of(8));
    expect(() => blend([failing], 10)).toThrow("gone");
    expect(candidatesOf(contributions, Int32Array.of(8))).toEqual(alone);
    expect(() => candidatesOf([failing], Int32Array.of(1, 2))).toThrow("gone");
    expect(blend(contributions, 10)).toEqual(candidatesOf(contributions, Int32Array.of(2, 8, 1)));
  });
});

describe("candidates of chosen rows", () => {
  it("carry signals but no rank and no score where nobody found them", () => {
    const chosen = candidatesOf([found("a", 1, [5, 3])], Int32Array.of(11, 3));
    expect(chosen).toMatchObject({
      rows: Int32Array.of(11, 3),
      fused: Float32Array.of(0, 1 / 61),
      ranks: [Int32Array.of(-1, 1)],
      scores: [Float32Array.of(0, 1)],
      bestScores: Float32Array.of(2),
      signals: [Float32Array.of(110, 30)],
    });
  });

  it("are none for no rows", () => {
    expect(candidatesOf([found("a", 1, [5])], new Int32Array(0))).toMatchObject({
      rows: new Int32Array(0),
      signals: [new Float32Array(0)],
    });
  });
});

async function encodedBy(sources: readonly LoadedSource[], query: Query): Promise<Query> {
  return { ...query, encodings: await encodeAll(sources, query) };
}

describe("over the real sources", () => {
  let sources: readonly LoadedSource[];

  beforeAll(async () => {
    const catalog = checkerboardCatalog();
    const columns = await Promise.all(
      sourcesNamed()
        .filter((source) => source.fit !== undefined)
        .map(async (source) => [source.name, await fitted(source)] as const),
    );
    sources = await loadSources(sourcesNamed(), Object.fromEntries(columns), catalog);
  });

  it("candidates of the blend's rows are the blend, and of some of them what picking gives", async () => {
    const random = new Random("picks");
    for (const history of [[], [4, 10, 22], [203, 5]]) {
      const asked = await encodedBy(sources, queryOver(history));
      const contributions = retrieveAll(sources, asked, 60);
      const blended = blend(contributions, 80);
      expect(candidatesOf(contributions, blended.rows)).toEqual(blended);
      const indices = random.shuffle(Int32Array.from(blended.rows, (_, i) => i)).slice(0, 15);
      const picked = pickCandidates(blended, indices);
      expect(candidatesOf(contributions, picked.rows)).toEqual(picked);
      expect([...picked.rows]).toEqual([...indices].map((i) => blended.rows[i]));
    }
  });

  it("two queries that are answered in turn do not disturb each other, whatever the size of their catalogs", async () => {
    const black = await encodedBy(sources, queryOver([4, 10, 22]));
    const white = await encodedBy(sources, queryOver([5, 11, 23], { size: 5000 }));
    const alone = [black, white].map((asked) => blend(retrieveAll(sources, asked, 50), 100));
    const ofBlack = retrieveAll(sources, black, 50);
    const ofWhite = retrieveAll(sources, white, 50);
    const blackRows = blend(ofBlack, 100).rows;
    expect(blend(ofWhite, 100)).toEqual(alone[1]);
    expect(candidatesOf(ofBlack, blackRows)).toEqual(alone[0]);
    expect(blackRows).not.toEqual(alone[1]!.rows);
  });
});

describe("sources by name", () => {
  it("come in the order of the list, all where no name is given, none for none", () => {
    const names = sourcesNamed().map((source) => source.name);
    expect(sourcesNamed(names.toReversed()).map((source) => source.name)).toEqual(names);
    expect(sourcesNamed([])).toEqual([]);
  });

  it("are refused by the name that is not there", () => {
    expect(() => sourcesNamed(["popular", "divine"])).toThrow(
      /retrieval\.sources: expected .*popular.*"divine"/,
    );
  });

  it("are left out where they need a fit and have none", async () => {
    const loaded = await loadSources(sourcesNamed(), {}, checkerboardCatalog());
    expect(loaded.map(({ retriever }) => retriever.name)).toEqual(
      sourcesNamed()
        .filter((source) => source.fit === undefined)
        .map((source) => source.name),
    );
    expect(loaded.every(({ retriever }) => !retriever.personal)).toBe(true);
  });
});
