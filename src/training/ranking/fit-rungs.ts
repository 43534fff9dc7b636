/**
 * Fits rungs to lists, from simple to complex. What several rungs share is fitted once: a network that is the transformer
 * is also the ensemble's first member, and networks of one architecture and size start from the same taste.
 */
import { type Deadline, type Progress, Random, UpnextError } from "../../core/index.ts";
import { clusteredMean } from "../../evaluation/index.ts";
import type { FeatureSet } from "../../features/index.ts";
import {
  HEADS,
  type NetworkRanker,
  networkRanker,
  type RankerHeader,
  vocabularyOf,
} from "../../ranking/index.ts";
import type { RankerFiles } from "../../registry/index.ts";
import type { Weights } from "../../tensor/index.ts";
import type { History } from "../history.ts";
import type { Cut } from "../replay.ts";
import { Batches, type SoftLabels } from "./batches.ts";
import { calibrations } from "./calibrate.ts";
import { type FittedNetwork, fitNetwork } from "./fit-network.ts";
import { fitTaste } from "./fit-taste.ts";
import { listsWhere, type RankingLists } from "./lists.ts";
import { listLosses } from "./losses.ts";
import { shapeOf, sharedShape, usableHeads } from "./network-shape.ts";
import { openPredictor } from "./predict.ts";
import { quantized } from "./quantize-network.ts";
import { type Member, RANKING_RUNGS, type RungKind, rungNamed } from "./rungs.ts";
import { softLabels } from "./soft-labels.ts";
import { visitSequences } from "./visit-sequences.ts";

export interface RungOptions {
  readonly history: History;
  readonly lists: RankingLists;
  readonly featureSet: FeatureSet;
  /** What of the history networks may learn tastes from: what came before the lists. */
  readonly before: Cut;
  /** Share of the users whose lists choose epochs and rungs; with 0, all are learned from for the epochs that are set. */
  readonly validation: number;
  /** Names of the rungs that are wanted; those that they learn from are fitted too. */
  readonly rungs: readonly string[];
  readonly seed: number;
  /** Rungs that are not begun before it are left out, and networks end with it; the first two are always there. */
  readonly deadline: Deadline;
  readonly progress: Progress;
}

export interface FittedRung {
  readonly kind: RungKind;
  readonly header: RankerHeader;
  readonly models: readonly Uint8Array[];
  /** Of all its networks, and of what it learned from. */
  readonly trainSeconds: number;
  /** (validation lists) the loss of each. */
  readonly losses: Float64Array;
}

export interface FittedRungs {
  /** From simple to complex. */
  readonly rungs: readonly FittedRung[];
  /** Indices into HEADS. */
  readonly heads: readonly number[];
  /** (validation lists) of whom each is. */
  readonly judges: Int32Array;
  readonly batches: Batches;
}

/** Fewer lists to learn from than this cannot fit a network. */
const MIN_LISTS = 50;

/** Returns null where there are too few lists to learn from, or none of those that choose the epoch has a target. */
export async function fitRungs(options: RungOptions): Promise<FittedRungs | null> {
  const { lists, history, before, validation } = options;
  const heldOut = heldOutUsers(options);
  const learned = listsWhere(lists, (list) => !heldOut.has(lists.users[list]!));
  if (learned.length < MIN_LISTS) return null;
  const judged = listsWhere(lists, (list) => heldOut.has(lists.users[list]!));
  if (validation > 0 && !judged.some((list) => hasTarget(lists, list))) return null;
  // What held-out users did before the lists may have been the answer to one of their slates.
  const tasted = before.map((end, user) => (heldOut.has(user) ? history.offsets[user]! : end));
  const fitter = new RungFitter({ ...options, before: tasted }, learned, judged);
  const rungs: FittedRung[] = [];
  for (const [at, kind] of RANKING_RUNGS.entries()) {
    if (!isWanted(kind, options.rungs)) continue;
    if (at >= ALWAYS && options.deadline.expired()) {
      options.progress.note(`${kind.name}: left out, time is up`);
      break;
    }
    rungs.push(await fitter.fit(kind, rungs));
  }
  const judges = judged.map((list) => lists.users[list]!);
  return { rungs, heads: fitter.heads, judges, batches: fitter.batches };
}

/** Whole users: what a network remembers of a user must not help it with the lists that judge it. */
function heldOutUsers({ lists, validation, seed }: RungOptions): ReadonlySet<number> {
  const users = new Random(`${seed}/validation`).shuffle([...new Set(lists.users)]);
  return new Set(users.slice(0, Math.ceil(validation * users.length)));
}

function hasTarget({ targets, offsets }: RankingLists, list: number): boolean {
  return targets.subarray(offsets[list]!, offsets[list + 1]!).includes(1);
}

/** Popularity and logistic regression take seconds. */
const ALWAYS = 2;

function isWanted(kind: RungKind, names: readonly string[]): boolean {
  return names.some((name) => {
    if (name === kind.name) return true;
    const { learnsFrom, quantizes } = rungNamed(name);
    const next = learnsFrom ?? quantizes;
    return next !== undefined && isWanted(kind, [next]);
  });
}

class RungFitter {
  readonly heads: readonly number[];
  readonly batches: Batches;
  private readonly options: RungOptions;
  private readonly learned: Int32Array;
  private readonly judged: Int32Array;
  private readonly shared: ReturnType<typeof sharedShape>;
  private readonly header: Omit<RankerHeader, "name">;
  private readonly vocabulary: ReturnType<typeof vocabularyOf>;
  private sequences: ReturnType<typeof visitSequences> | undefined;
  private readonly tastes = new Map<string, Weights | undefined>();
  private readonly networks = new Map<string, Fitted>();
  /** By name of the teacher. */
  private readonly taught = new Map<string, Promise<SoftLabels>>();

  constructor(options: RungOptions, learned: Int32Array, judged: Int32Array) {
    const { lists, history, featureSet } = options;
    this.options = options;
    this.learned = learned;
    this.judged = judged;
    this.heads = usableHeads(lists);
    this.vocabulary = vocabularyOf(history.catalog);
    this.batches = new Batches(lists, this.heads, history.catalog, this.vocabulary);
    this.shared = sharedShape(lists, learned, this.heads, featureSet, this.vocabulary);
    this.header = {
      heads: this.heads.map((h) => HEADS[h]!.name),
      fingerprint: featureSet.fingerprint,
      requestFeatures: lists.requestWidth,
      candidateFeatures: lists.candidateWidth,
      vocabulary: this.vocabulary,
      calibration: this.heads.map(() => ({ scale: 1, shift: 0 })),
    };
  }

  async fit(kind: RungKind, before: readonly FittedRung[]): Promise<FittedRung> {
    const from = (name: string | undefined) => before.find((rung) => rung.kind.name === name);
    const teacher = from(kind.learnsFrom);
    const whole = from(kind.quantizes);
    if (whole !== undefined) {
      const [network] = this.fittedAs(whole.kind);
      const model = await quantized(network!, this.options.lists, this.learned, this.batches);
      return this.judge(kind, [model], whole.trainSeconds);
    }
    const soft = teacher && (await this.labelsOf(teacher));
    const seeds = new Map<string, number>();
    const networks: Fitted[] = [];
    for (const member of kind.members) {
      const key = keyOf(member);
      const seed = seeds.get(key) ?? 0;
      seeds.set(key, seed + 1);
      networks.push(await this.network(member, seed, soft, teacher?.kind.name));
    }
    return this.judge(
      kind,
      networks.map(({ model }) => model),
      networks.reduce((sum, { seconds }) => sum + seconds, teacher?.trainSeconds ?? 0),
    );
  }

  /** What the lists that taught nothing say of it: losses, and how its logits become probabilities. */
  private async judge(
    kind: RungKind,
    models: readonly Uint8Array[],
    trainSeconds: number,
  ): Promise<FittedRung> {
    const { judged, heads, batches } = this;
    const { lists } = this.options;
    const header = { ...this.header, name: kind.name };
    if (judged.length === 0) return { kind, header, models, trainSeconds, losses: new Float64Array(0) };
    const predictor = await openPredictor(models, batches);
    try {
      const logits = await predictor.logits(lists, judged);
      const losses = listLosses(lists, judged, heads, logits);
      const calibration = calibrations(lists, judged, heads, logits);
      return { kind, header: { ...header, calibration }, models, trainSeconds, losses };
    } finally {
      await predictor.close();
    }
  }

  private fittedAs(kind: RungKind): readonly Fitted[] {
    return kind.members.map((member) => this.networks.get(networkKey(member, 0, kind.learnsFrom))!);
  }

  private labelsOf(teacher: FittedRung): Promise<SoftLabels> {
    const { name } = teacher.kind;
    const known = this.taught.get(name) ?? this.askedFor(teacher);
    this.taught.set(name, known);
    return known;
  }

  private async askedFor(teacher: FittedRung): Promise<SoftLabels> {
    const { lists } = this.options;
    const predictor = await openPredictor(teacher.models, this.batches);
    try {
      const all = listsWhere(lists, () => true);
      return softLabels(lists, this.heads, await predictor.logits(lists, all));
    } finally {
      await predictor.close();
    }
  }

  private async network(
    member: Member,
    seed: number,
    soft: SoftLabels | undefined,
    teacher: string | undefined,
  ): Promise<Fitted> {
    const key = networkKey(member, seed, teacher);
    const known = this.networks.get(key);
    if (known !== undefined) return known;
    const { options, heads, batches, learned, judged } = this;
    const { lists, history, deadline, progress } = options;
    const started = performance.now();
    const shape = shapeOf(member.architecture, member.size, this.shared);
    const initial = await this.taste(member, shape);
    const network = await fitNetwork({
      shape,
      // What a student is to say is known of every list, so its epoch is chosen without the noise of what followed.
      lists: soft ? { ...lists, ...soft } : lists,
      batches: soft ? new Batches(lists, heads, history.catalog, this.vocabulary, soft) : batches,
      judged: batches,
      learned,
      validation: judged,
      heads,
      settings: member.fit,
      seed: `${options.seed}/${key}`,
      deadline,
      progress,
      ...(initial && { initial }),
    });
    const fitted = { ...network, seconds: (performance.now() - started) / 1000 };
    this.networks.set(key, fitted);
    return fitted;
  }

  private async taste(member: Member, shape: FittedNetwork["shape"]): Promise<Weights | undefined> {
    const key = keyOf(member);
    if (this.tastes.has(key)) return this.tastes.get(key);
    const { history, before, seed, deadline, progress } = this.options;
    this.sequences ??= visitSequences(history, before, this.heads, this.vocabulary);
    const taste = await fitTaste(shape, this.sequences, this.heads, `${seed}/${key}`, deadline, progress);
    this.tastes.set(key, taste);
    return taste;
  }
}

interface Fitted extends FittedNetwork {
  readonly seconds: number;
}

function keyOf({ architecture, size }: Member): string {
  return `${architecture}/${size.width}x${size.blocks}`;
}

function networkKey(member: Member, seed: number, teacher: string | undefined): string {
  return `${keyOf(member)}/${seed}${teacher === undefined ? "" : `/${teacher}`}`;
}

/**
 * The rung that serves: the simplest one, unless a more complex one is better by more than noise (two standard errors
 * of the paired differences of the validation lists, those of one user taken together); without such lists, the most
 * complex one. A teacher serves only where there is nothing else.
 *
 * @param users (validation lists) of whom each is
 */
export function chosenRung(rungs: readonly FittedRung[], users: ArrayLike<number>): FittedRung {
  const students = rungs.filter(({ kind }) => !kind.teacher);
  const choice = students.length > 0 ? students : rungs;
  if (users.length === 0) return choice.at(-1)!;
  return choice.reduce((best, rung) => (isBetter(rung.losses, best.losses, users) ? rung : best));
}

function isBetter(own: Float64Array, other: Float64Array, users: ArrayLike<number>): boolean {
  const { mean, halfWidth } = clusteredMean(
    own.map((loss, i) => other[i]! - loss),
    users,
  );
  return mean > halfWidth;
}

/** What answers where there is no time for `chosen`; null where nothing fitted costs clearly less. */
export function standIn(rungs: readonly FittedRung[], chosen: FittedRung): FittedRung | null {
  const simpler = rungs.slice(0, rungs.indexOf(chosen));
  return simpler.findLast(({ kind }) => kind.standsIn) ?? null;
}

/** The files of a bundle, with what the ranker says to the inputs of one list. */
export async function rungFiles(
  rung: FittedRung,
  lists: RankingLists,
  batches: Batches,
): Promise<RankerFiles> {
  const ranker = await networkRanker(rung.header, rung.models);
  try {
    return { header: rung.header, models: rung.models, golden: await goldenOf(ranker, lists, batches) };
  } finally {
    await ranker.close();
  }
}

async function goldenOf(ranker: NetworkRanker, lists: RankingLists, batches: Batches) {
  const widest = Int32Array.from({ length: lists.count }, (_, list) => list).reduce((best, list) =>
    sizeOf(lists, list) > sizeOf(lists, best) ? list : best,
  );
  const inputs = batches.inputs(Int32Array.of(widest), INPUTS);
  const probabilities = await ranker.scoreInputs(inputs);
  return {
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, { data, dims }]) => {
        if (!(data instanceof Float32Array || data instanceof Int32Array)) {
          throw new UpnextError("internal", `golden scores: expected float32 or int32 of ${name}`);
        }
        const type = data instanceof Int32Array ? ("int32" as const) : ("float32" as const);
        return [name, { type, dims, data: [...data] }];
      }),
    ),
    probabilities: probabilities.map((column) => [...column]),
  };
}

const INPUTS = [
  "request",
  "candidates",
  "items",
  "creators",
  "categories",
  "history_items",
  "history_creators",
  "history_categories",
  "history_facts",
  "history_present",
];

function sizeOf(lists: RankingLists, list: number): number {
  return lists.offsets[list + 1]! - lists.offsets[list]!;
}
