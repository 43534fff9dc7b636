/** How well each rung predicts what users did with what they were shown. */
import { DAY, type Progress } from "../../core/index.ts";
import {
  type Exposures,
  exposureDifferences,
  exposureScores,
  type HeadDifferences,
  type HeadScores,
} from "../../evaluation/index.ts";
import { type Feature, MAX_VISITS } from "../../features/index.ts";
import { HEADS, NEXT_HEAD, networkRanker, type RankerHeader, VISIT_COLUMNS } from "../../ranking/index.ts";
import type { Feeds } from "../../tensor/index.ts";
import type { Batches } from "./batches.ts";
import type { FittedRung } from "./fit-rungs.ts";
import { listsWhere, type RankingLists } from "./lists.ts";
import { openPredictor } from "./predict.ts";

export interface RungScores {
  readonly name: string;
  readonly about: string;
  /** Those of actions, in the order of HEADS. */
  readonly heads: readonly HeadScores[];
  /** null of a peer. */
  readonly cost: RungCost | null;
}

export interface RungCost {
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

/** Something else that learns from the same lists, to compare with. */
export interface RankingPeer {
  readonly name: string;
  readonly about: string;
  /**
   * [head] (rows of slates of `tested`, in their order) probabilities.
   *
   * @param features the columns of a request, then those of a candidate
   */
  predict(
    learned: RankingLists,
    tested: RankingLists,
    heads: readonly number[],
    features: readonly Feature[],
  ): Promise<readonly Float32Array[]>;
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

export interface RungMeasurement {
  readonly rungs: readonly FittedRung[];
  /** Indices into HEADS of those that the rungs have. */
  readonly heads: readonly number[];
  /** What they learned from. */
  readonly learned: RankingLists;
  /** Slates that came later. */
  readonly tested: RankingLists;
  /** The columns of both: those of a request first. */
  readonly features: readonly Feature[];
  /** Of `tested`. */
  readonly batches: Batches;
  /** Moment from which days are counted: midnight where the data is from. */
  readonly from: number;
  readonly peers: readonly RankingPeer[];
  readonly progress: Progress;
}

export async function measureRungs(measurement: RungMeasurement): Promise<RankingEvaluation> {
  const { rungs, heads, learned, tested, features, batches, from, peers, progress } = measurement;
  const rows = rowsOf(tested);
  const actions = heads.filter((head) => head !== NEXT_HEAD);
  const names = actions.map((h) => HEADS[h]!.name);
  const exposures = exposuresOf(tested, rows, actions, from);
  const measured: { readonly scores: RungScores; readonly predictions: readonly Float32Array[] }[] = [];
  const add = (name: string, about: string, predictions: readonly Float32Array[], cost: RungCost | null) => {
    const scores = { name, about, heads: exposureScores(exposures, names, predictions), cost };
    measured.push({ scores, predictions });
    progress.update(measured.length);
  };
  progress.step("measure rungs", rungs.length + peers.length, "rungs");
  for (const { name, about, predict } of peers)
    add(name, about, await predict(learned, tested, actions, features), null);
  for (const rung of rungs) {
    const predictions = await probabilities(rung, tested, rows, batches);
    const cost = {
      trainSeconds: rung.trainSeconds,
      bytes: rung.models.reduce((sum, model) => sum + model.byteLength, 0),
      cpuMs: await cpuOf(rung, tested),
    };
    add(rung.kind.name, rung.kind.about, predictions, cost);
  }
  return {
    exposures: rows.rows.length,
    users: new Set(exposures.users).size,
    rungs: measured.map(({ scores }) => scores),
    comparisons: measured.flatMap((rung, r) =>
      measured.slice(0, r).map((simpler) => ({
        rung: rung.scores.name,
        with: simpler.scores.name,
        heads: exposureDifferences(exposures, names, rung.predictions, simpler.predictions),
      })),
    ),
  };
}

interface Rows {
  /** Rows of the lists, and the list of each. */
  readonly rows: Int32Array;
  readonly list: Int32Array;
}

function rowsOf(lists: RankingLists): Rows {
  const rows: number[] = [];
  const list: number[] = [];
  for (let l = 0; l < lists.count; l++) {
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
  { rows }: Rows,
  batches: Batches,
): Promise<readonly Float32Array[]> {
  const predictor = await openPredictor(models, batches);
  try {
    const logits = await predictor.logits(
      lists,
      listsWhere(lists, () => true),
    );
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
