/** How well each rung predicts what users did with what they were shown. */
import { DAY, type Progress } from "../../core/index.ts";
import {
  type Exposures,
  exposureDifferences,
  exposureScores,
  type HeadDifferences,
  type HeadScores,
} from "../../evaluation/index.ts";
import { MAX_VISITS } from "../../features/index.ts";
import { HEADS, networkRanker, type RankerHeader, VISIT_COLUMNS } from "../../ranking/index.ts";
import type { Feeds } from "../../tensor/index.ts";
import type { Batches } from "./batches.ts";
import type { FittedRung } from "./fit-rungs.ts";
import { type RankingLists, SLATE } from "./lists.ts";
import { openPredictor } from "./predict.ts";

export interface RungScores {
  readonly name: string;
  readonly about: string;
  /** In the order of the heads; those that the lists have. */
  readonly heads: readonly HeadScores[];
  readonly trainSeconds: number;
  readonly bytes: number;
  /** CPU milliseconds of ranking CANDIDATES candidates of a user with MAX_VISITS visits, on one thread. */
  readonly cpuMs: number;
}

export interface RungComparison {
  readonly rung: string;
  readonly with: string;
  /** `rung` minus `with`. */
  readonly heads: readonly HeadDifferences[];
}

export interface RankingEvaluation {
  readonly exposures: number;
  readonly users: number;
  readonly rungs: readonly RungScores[];
  /** Of each rung with each simpler one. */
  readonly comparisons: readonly RungComparison[];
}

const CANDIDATES = 500;
const WARM_UP = 5;
const ROUNDS = 21;

/**
 * @param lists those that are tested on; next items among them are left out
 * @param from moment from which days are counted: midnight where the data is from
 */
export async function measureRungs(
  rungs: readonly FittedRung[],
  lists: RankingLists,
  heads: readonly number[],
  batches: Batches,
  from: number,
  progress: Progress,
): Promise<RankingEvaluation> {
  const chosen = Int32Array.from({ length: lists.count }, (_, list) => list).filter(
    (list) => lists.kinds[list] === SLATE,
  );
  const rows = rowsOf(lists, chosen);
  const names = heads.map((h) => HEADS[h]!.name);
  const exposures = exposuresOf(lists, rows, heads, from);
  const predictions = new Map<FittedRung, readonly Float32Array[]>();
  progress.step("measure rungs", rungs.length, "rungs");
  for (const [done, rung] of rungs.entries()) {
    predictions.set(rung, await probabilities(rung, lists, chosen, rows, batches));
    progress.update(done + 1);
  }
  const scores: RungScores[] = [];
  for (const rung of rungs) {
    scores.push({
      name: rung.kind.name,
      about: rung.kind.about,
      heads: exposureScores(exposures, names, predictions.get(rung)!),
      trainSeconds: rung.trainSeconds,
      bytes: rung.models.reduce((sum, model) => sum + model.byteLength, 0),
      cpuMs: await cpuOf(rung, lists),
    });
  }
  const comparisons = rungs.flatMap((rung, r) =>
    rungs.slice(0, r).map((simpler) => ({
      rung: rung.kind.name,
      with: simpler.kind.name,
      heads: exposureDifferences(exposures, names, predictions.get(rung)!, predictions.get(simpler)!),
    })),
  );
  return { exposures: rows.rows.length, users: new Set(exposures.users).size, rungs: scores, comparisons };
}

interface Rows {
  /** Rows of the lists, and the list of each. */
  readonly rows: Int32Array;
  readonly list: Int32Array;
}

function rowsOf(lists: RankingLists, chosen: Int32Array): Rows {
  const rows: number[] = [];
  const list: number[] = [];
  for (const l of chosen) {
    for (let row = lists.offsets[l]!; row < lists.offsets[l + 1]!; row++) {
      rows.push(row);
      list.push(l);
    }
  }
  return { rows: Int32Array.from(rows), list: Int32Array.from(list) };
}

function exposuresOf(
  lists: RankingLists,
  { rows, list }: Rows,
  heads: readonly number[],
  from: number,
): Exposures {
  return {
    users: Int32Array.from(list, (l) => lists.users[l]!),
    days: Int32Array.from(list, (l) => Math.floor((lists.times[l]! - from) / DAY)),
    labels: heads.map((h) => Uint8Array.from(rows, (row) => lists.labels[row * HEADS.length + h]!)),
  };
}

/** [head] (rows) */
async function probabilities(
  { models, header }: FittedRung,
  lists: RankingLists,
  chosen: Int32Array,
  { rows }: Rows,
  batches: Batches,
): Promise<readonly Float32Array[]> {
  const predictor = await openPredictor(models, batches);
  try {
    const logits = await predictor.logits(lists, chosen);
    return header.calibration.map(({ scale, shift }, h) =>
      Float32Array.from(
        rows,
        (row) => 1 / (1 + Math.exp(-(scale * logits[row * header.heads.length + h]! + shift))),
      ),
    );
  } finally {
    await predictor.close();
  }
}

/** A request as large as they come: candidates and visits of many lists as if they were one. */
async function cpuOf({ header, models }: FittedRung, lists: RankingLists): Promise<number> {
  const ranker = await networkRanker(header, models);
  try {
    const inputs = largeRequest(header, lists);
    const times: number[] = [];
    for (let round = 0; round < WARM_UP + ROUNDS; round++) {
      const before = process.cpuUsage();
      await ranker.scoreInputs(inputs);
      const { user, system } = process.cpuUsage(before);
      if (round >= WARM_UP) times.push((user + system) / 1000);
    }
    return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
  } finally {
    await ranker.close();
  }
}

function largeRequest(header: RankerHeader, lists: RankingLists): Feeds {
  const { requestFeatures: fr, candidateFeatures: fc, vocabulary } = header;
  const candidates = Float32Array.from({ length: CANDIDATES * fc }, (_, i) => {
    return lists.candidates[i % lists.candidates.length]!;
  });
  const codes = (count: number, size: number) => Int32Array.from({ length: count }, (_, i) => i % size);
  const facts = Float32Array.from({ length: MAX_VISITS * VISIT_COLUMNS }, (_, i) => (i % 3) / 3);
  const visits = [1, MAX_VISITS];
  return {
    request: { data: lists.request.subarray(0, fr), dims: [1, fr] },
    candidates: { data: candidates, dims: [1, CANDIDATES, fc] },
    items: { data: codes(CANDIDATES, vocabulary.items), dims: [1, CANDIDATES] },
    creators: { data: codes(CANDIDATES, vocabulary.creators), dims: [1, CANDIDATES] },
    categories: { data: codes(CANDIDATES, vocabulary.categories), dims: [1, CANDIDATES] },
    history_items: { data: codes(MAX_VISITS, vocabulary.items), dims: visits },
    history_creators: { data: codes(MAX_VISITS, vocabulary.creators), dims: visits },
    history_categories: { data: codes(MAX_VISITS, vocabulary.categories), dims: visits },
    history_facts: { data: facts, dims: [...visits, VISIT_COLUMNS] },
    history_present: { data: new Float32Array(MAX_VISITS).fill(1), dims: visits },
  };
}
