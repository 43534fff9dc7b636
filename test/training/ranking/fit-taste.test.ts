/** Fitting tastes to the visits of users who always do the same. */
import { describe, expect, it } from "vitest";
import { Deadline, ManualClock, MINUTE, Random, silent } from "../../../src/core/index.ts";
import { MAX_VISITS } from "../../../src/features/index.ts";
import { type RankingArchitecture, tasteLogits } from "../../../src/models/index.ts";
import { HEADS, VISIT_COLUMNS, vocabularyOf } from "../../../src/ranking/index.ts";
import { compileServing, Graph, loadModel, type Weights } from "../../../src/tensor/index.ts";
import { readHistory } from "../../../src/training/history.ts";
import { fitTaste } from "../../../src/training/ranking/fit-taste.ts";
import { type NetworkSize, shapeOf } from "../../../src/training/ranking/network-shape.ts";
import {
  tasteFeeds,
  type VisitSequences,
  visitSequences,
} from "../../../src/training/ranking/visit-sequences.ts";
import { everything } from "../../../src/training/replay.ts";
import { logOf, START, took } from "../logs.ts";

const heads = [HEADS.findIndex(({ name }) => name === "approve")];
const size: NetworkSize = {
  width: 8,
  blocks: 1,
  attentionHeads: 2,
  hidden: [8, 4],
  piecewise: true,
  embedding: 4,
  dropout: 0,
  idDropout: 0,
};

/** Half of the users like all that they see and the other half click on it: who did so before does it again. */
function events(users: number, visits: number) {
  const random = new Random("taste");
  return Array.from({ length: users * visits }, (_, i) => {
    const user = i % users;
    const type = user % 2 === 0 ? "like" : "click";
    return took(`u${user}`, `v${random.int(20)}`, START + i * MINUTE, { type });
  });
}

async function sequencesFor(users: number, visits: number) {
  const history = await readHistory(await logOf(events(users, visits)));
  const vocabulary = vocabularyOf(history.catalog);
  return { vocabulary, sequences: visitSequences(history, everything(history), heads, vocabulary) };
}

const { vocabulary, sequences } = await sequencesFor(1400, 13);

function shapeFor(architecture: RankingArchitecture) {
  const scaling = (features: number) => ({
    means: new Float32Array(features),
    deviations: new Float32Array(features).fill(1),
    boundaries: new Float32Array(features),
  });
  return shapeOf(architecture, size, {
    ...{ requestFeatures: 1, candidateFeatures: 1, requestScaling: scaling(1), candidateScaling: scaling(1) },
    ...{ popularityColumns: [0], heads: 1, baseLogits: [0], visits: MAX_VISITS, visitColumns: VISIT_COLUMNS },
    ...vocabulary,
  });
}

const noEnd = () => new Deadline(new ManualClock(), MINUTE);
const taste = (architecture: RankingArchitecture, of: VisitSequences, seed = "1", deadline = noEnd()) =>
  fitTaste(shapeFor(architecture), of, heads, seed, deadline, silent);

/** Mean cross-entropy of some examples. */
async function lossOf(architecture: RankingArchitecture, weights: Weights): Promise<number> {
  const logits = tasteLogits(new Graph(), shapeFor(architecture));
  const model = await loadModel(compileServing({ logits }, weights));
  const chosen = Int32Array.from({ length: 400 }, (_, i) => i * 31);
  const feeds = tasteFeeds(sequences, chosen, heads);
  const read = Object.fromEntries(model.inputNames.map((name) => [name, feeds[name]!]));
  const found = await model.run(read);
  await model.close();
  const logitOf = (i: number) => Number(found["logits"]!.data[i]);
  const losses = Array.from(chosen, (_, i) =>
    Math.log1p(Math.exp(feeds["labels"]!.data[i] === 1 ? -logitOf(i) : logitOf(i))),
  );
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

describe("fitting a taste", () => {
  it.each(["target-attention", "transformer"] as const)(
    "teaches %s what a user will do from what the user did",
    async (architecture) => {
      const weights = await taste(architecture, sequences);
      expect(await lossOf(architecture, weights!)).toBeLessThan(0.95 * Math.log(2));
    },
  );

  it("gives the same bits for the same seed, and others for another", async () => {
    const some = (await sequencesFor(300, 13)).sequences;
    const weights = await taste("target-attention", some);
    expect(await taste("target-attention", some)).toEqual(weights);
    expect(await taste("target-attention", some, "2")).not.toEqual(weights);
  });

  it("is left out for networks without a history, with few visits, and where all went alike", async () => {
    expect(await taste("feature-network", sequences)).toBeUndefined();
    expect(await taste("transformer", (await sequencesFor(100, 13)).sequences)).toBeUndefined();
    expect(await taste("transformer", { ...sequences, learned: [false] })).toBeUndefined();
  });

  it("ends where time is up, with weights to start from", async () => {
    const late = new Deadline(new ManualClock(), 0 as typeof MINUTE);
    const started = await taste("transformer", sequences, "1", late);
    expect(Object.keys(started!).length).toBeGreaterThan(0);
  });
});
