/** Sources that encode users, in training and evaluation: asked about every example as of its time, and closed after. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ManualClock, MINUTE, Random, silent } from "../../src/core/index.ts";
import { featureSet as featuresOf, sourceSchema } from "../../src/features/index.ts";
import { popular } from "../../src/retrieval/popular.ts";
import { examplesBetween } from "../../src/training/examples.ts";
import { fitSources } from "../../src/training/fit-sources.ts";
import { type History, readHistory } from "../../src/training/history.ts";
import { measureSystems } from "../../src/training/measure-systems.ts";
import { ListWriter } from "../../src/training/ranking/lists.ts";
import { rankingLists } from "../../src/training/ranking/make-lists.ts";
import { cutLast, everything, sequencesOf } from "../../src/training/replay.ts";
import { type Colours, coloursWith } from "../retrieval/colours.ts";
import { logOf } from "./logs.ts";
import { checkerboard } from "./worlds.ts";

const TOUCHES = 512;

/** Lists and measures over a checkerboard: rows are given in the order of first mention, so colours are mixed there. */
async function worldWith(colours: Colours) {
  const history: History = await readHistory(await logOf(checkerboard(40, 30, 12)));
  const cut = cutLast(history, 2);
  const sources = [colours, popular];
  const clock = new ManualClock();
  const { catalog } = history;
  const fit = { catalog, seed: 1, clock, budget: MINUTE, timeBudget: MINUTE, progress: silent };
  const fitted = await fitSources(sources, sequencesOf(history, cut), fit);
  const featureSet = featuresOf(sourceSchema(sources));
  const examples = examplesBetween(history, cut, everything(history));
  const common = {
    history,
    examples,
    candidates: 100,
    perSource: 100,
    limits: { touches: TOUCHES },
    progress: silent,
  };
  return {
    examples,
    featureSet,
    lists: () =>
      rankingLists({
        ...common,
        ...{ sources, fitted, featureSet, cut: everything(history), random: new Random(1) },
        ...{ slates: [], asked: new Uint8Array(0) },
      }),
    measured: () => {
      const none = {
        ranker: null,
        cheaperRanker: null,
        rungs: [],
        heads: [],
        lists: new ListWriter(0, 0).finish(0),
      };
      const models = { sources, fitted, featureSet, ...none };
      return measureSystems({ ...common, models, statisticsCut: cut, headWeights: {}, clock });
    },
  };
}

describe("a source that encodes users", () => {
  it("stands in the ranking lists with what it said of each candidate", async () => {
    const colours = coloursWith(() => setImmediate());
    const { examples, featureSet, lists } = await worldWith(colours);
    const { count, missed, items, candidates, candidateWidth } = await lists();
    expect(count + missed).toBe(examples.length);
    const signal = featureSet.candidateNames.findIndex((name) => /colours/.test(name));
    const said = items.filter((_, row) => candidates[row * candidateWidth + signal] !== 0).length;
    expect(said).toBeGreaterThan(count);
    expect(colours.open).toBe(0);
  });

  it("is measured like the others", async () => {
    const colours = coloursWith(() => setImmediate());
    const { measured } = await worldWith(colours);
    const found = (await measured()).find(({ name }) => name === "colours");
    expect(found!["recall@100"]).toBeGreaterThan(0.2);
    expect(colours.open).toBe(0);
  });

  it("ends the work where it fails, and is closed then, too", async () => {
    let left = 5;
    const colours = coloursWith(async () => {
      if (left-- === 0) throw new Error("broken on purpose");
    });
    const { lists, measured } = await worldWith(colours);
    await expect(lists()).rejects.toThrow("broken on purpose");
    expect(colours.open).toBe(0);
    left = 5;
    await expect(measured()).rejects.toThrow("broken on purpose");
    expect(colours.open).toBe(0);
  });
});
