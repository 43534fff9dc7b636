/**
 * The ranker's training set: lists of candidates with what followed.
 *
 * Two kinds of lists. A **next item**: the candidates that retrieval finds for a user as of an interaction, the item
 * taken among them; a sampled part of the others are negatives, each standing for as many as were left out (the logQ
 * correction of sampled softmax). A **slate**: what was shown, with what the user did with each slot. Every list is
 * computed from the state, the statistics and the catalogue as they were at its moment.
 */
import { type Catalog, withStatistics } from "../catalog/index.ts";
import type { EpochMs, Progress, Random } from "../core/index.ts";
import { actionsOf, INTERACTION_TYPE_NAMES } from "../events/index.ts";
import { type FeatureSet, joined, visitsOf } from "../features/index.ts";
import { POSITIONS } from "../models/index.ts";
import { HEADS } from "../ranking/index.ts";
import {
  blend,
  type Candidates,
  candidatesOf,
  closeSources,
  encodeAll,
  type FittedSources,
  type LoadedSource,
  loadSources,
  type Query,
  retrieveAll,
  type Source,
  type Unencoded,
} from "../retrieval/index.ts";
import type { Example } from "./examples.ts";
import type { History, Slate } from "./history.ts";
import { type Cut, Replay, type TouchLimits } from "./replay.ts";

/** Candidates a list has room for, and how many of them are the head of the blend; the rest is sampled. */
export const LIST_SIZE = 64;
const HARD = 24;
/** Entries after the target in which the other actions of the same visit are looked for. */
const VISIT = 10;
/** Weight of a next item's rows in the binary losses, where a shown slot counts 1: absence is weaker than refusal. */
const UNSHOWN_WEIGHT = 0.1;

/** (lists, LIST_SIZE, …) columns, in time order. */
export interface RankingLists {
  readonly count: number;
  readonly width: number;
  readonly features: Float32Array;
  readonly targets: Float32Array;
  readonly offsets: Float32Array;
  readonly present: Uint8Array;
  /** (lists, LIST_SIZE, HEADS.length) */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  readonly positions: BigInt64Array;
  /** Next items whose target retrieval did not find, and which are therefore not here. */
  readonly missed: number;
}

export interface ListOptions {
  readonly history: History;
  readonly sources: readonly Source[];
  /** What the sources were fitted on; statistics go on from there. */
  readonly fitted: FittedSources;
  readonly featureSet: FeatureSet;
  /** What of the history statistics may count. */
  readonly cut: Cut;
  readonly examples: readonly Example[];
  readonly slates: readonly Slate[];
  /** Candidates of the blend, and how many each source is asked for. */
  readonly candidates: number;
  readonly perSource: number;
  readonly limits: TouchLimits;
  readonly random: Random;
  readonly progress: Progress;
}

export async function rankingLists(options: ListOptions): Promise<RankingLists> {
  const replay = new Replay(options.history, options.cut, options.limits);
  const catalog = withStatistics(options.history.catalog, replay.statistics);
  const sources = await loadSources(options.sources, options.fitted, catalog);
  try {
    return await listsFrom(sources, catalog, replay, options);
  } finally {
    await closeSources(sources);
  }
}

async function listsFrom(
  sources: readonly LoadedSource[],
  catalog: Catalog,
  replay: Replay,
  options: ListOptions,
): Promise<RankingLists> {
  const { history, featureSet, random } = options;
  const lists = new ListWriter(
    options.examples.length + options.slates.length,
    featureSet.requestNames.length + featureSet.candidateNames.length,
  );
  let missed = 0;

  const nextItem = async (example: Example) => {
    const now = history.times[example.entry]! as EpochMs;
    replay.advance(now);
    await replay.asOf(example.user, example.entry, now, async (asked) => {
      const query = { ...asked, encodings: await encodeAll(sources, asked) };
      const contributions = retrieveAll(sources, query, options.perSource);
      const found = blend(query, contributions, options.candidates).rows;
      const target = found.indexOf(history.items[example.entry]!);
      if (target < 0) {
        missed++;
        return;
      }
      const { rows, offsets } = sampleList(found, target, random);
      const candidates = candidatesOf(query, contributions, rows);
      write(query, candidates, (list) => {
        list.offsets.set(offsets, list.at);
        list.targets[list.at] = 1;
        labelVisit(history, options.cut, example, list.labels, list.at);
        list.weights.fill(UNSHOWN_WEIGHT, list.at * HEADS.length, (list.at + rows.length) * HEADS.length);
      });
    });
  };

  const slate = async (shown: Slate) => {
    replay.advance(shown.time);
    const end = entriesBefore(history, shown.user, shown.time);
    const learn = async (asked: Unencoded) => {
      const query = { ...asked, encodings: await encodeAll(sources, asked) };
      const contributions = retrieveAll(sources, query, options.perSource);
      const rows = shown.items.subarray(0, LIST_SIZE);
      write(query, candidatesOf(query, contributions, rows), (list) => {
        for (let i = 0; i < rows.length; i++) {
          list.positions[list.at + i] = BigInt(1 + Math.min(shown.positions[i]!, POSITIONS - 1));
          for (let h = 0; h < HEADS.length; h++) {
            if ((shown.actions[i]! >> h) & 1) list.labels[(list.at + i) * HEADS.length + h] = 1;
          }
          list.targets[list.at + i] = list.labels[(list.at + i) * HEADS.length]!;
        }
        list.weights.fill(1, list.at * HEADS.length, (list.at + rows.length) * HEADS.length);
      });
    };
    await replay.asOf(shown.user, end, shown.time as EpochMs, learn, shown);
  };

  function write(query: Query, candidates: Candidates, label: (list: ListTarget) => void): void {
    const visits = visitsOf(query.history, catalog);
    const features = featureSet.compute({ query, catalog, candidates, visits });
    const rows = candidates.rows.length;
    lists.add(joined(features, rows), rows, label);
  }

  options.progress.step("ranking lists", options.examples.length + options.slates.length, "lists");
  let e = 0;
  let s = 0;
  while (e < options.examples.length || s < options.slates.length) {
    const example = options.examples[e];
    const shown = options.slates[s];
    const exampleTime = example === undefined ? Infinity : history.times[example.entry]!;
    if (shown === undefined || exampleTime <= shown.time) {
      await nextItem(example!);
      e++;
    } else {
      await slate(shown);
      s++;
    }
    if ((e + s) % 100 === 0) options.progress.update(e + s);
  }
  return lists.finish(missed);
}

/** The target first, then the head of the blend, then a sample of the rest. */
function sampleList(
  found: Int32Array,
  target: number,
  random: Random,
): { readonly rows: Int32Array; readonly offsets: Float32Array } {
  const others = Int32Array.from({ length: found.length - 1 }, (_, i) => found[i < target ? i : i + 1]!);
  const hard = Math.min(HARD, others.length);
  const rest = others.subarray(hard).slice();
  const sampled = Math.min(LIST_SIZE - 1 - hard, rest.length);
  for (let i = 0; i < sampled; i++) {
    const j = i + random.int(rest.length - i);
    const held = rest[i]!;
    rest[i] = rest[j]!;
    rest[j] = held;
  }
  const rows = new Int32Array(1 + hard + sampled);
  rows[0] = found[target]!;
  rows.set(others.subarray(0, hard), 1);
  rows.set(rest.subarray(0, sampled), 1 + hard);
  const offsets = new Float32Array(rows.length);
  if (sampled > 0) offsets.fill(Math.log(rest.length / sampled), 1 + hard);
  return { rows, offsets };
}

/** Labels of row `at`: the actions of the target entry and of the entries right after it on the same item. */
function labelVisit(
  history: History,
  cut: Cut,
  { user, entry }: Example,
  labels: Float32Array,
  at: number,
): void {
  // What came after the cut is what the models are tested on.
  const last = Math.min(cut[user]!, entry + VISIT);
  for (let e = entry; e < last; e++) {
    if (history.items[e] !== history.items[entry]) continue;
    const duration = history.catalog.items.duration[history.items[e]!]!;
    const actions = actionsOf(INTERACTION_TYPE_NAMES[history.types[e]!]!, history.values[e]!, duration);
    for (let h = 0; h < HEADS.length; h++) if ((actions >> h) & 1) labels[at * HEADS.length + h] = 1;
  }
}

function entriesBefore(history: History, user: number, time: number): number {
  let end = history.offsets[user + 1]!;
  while (end > history.offsets[user]! && history.times[end - 1]! >= time) end--;
  return end;
}

/** Where the rows of one list begin in the columns. */
interface ListTarget {
  readonly at: number;
  readonly targets: Float32Array;
  readonly offsets: Float32Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  readonly positions: BigInt64Array;
}

class ListWriter {
  private readonly width: number;
  private readonly features: Float32Array;
  private readonly targets: Float32Array;
  private readonly offsets: Float32Array;
  private readonly present: Uint8Array;
  private readonly labels: Float32Array;
  private readonly weights: Float32Array;
  private readonly positions: BigInt64Array;
  private count = 0;

  constructor(capacity: number, width: number) {
    const rows = capacity * LIST_SIZE;
    this.width = width;
    this.features = new Float32Array(rows * width);
    this.targets = new Float32Array(rows);
    this.offsets = new Float32Array(rows);
    this.present = new Uint8Array(rows);
    this.labels = new Float32Array(rows * HEADS.length);
    this.weights = new Float32Array(rows * HEADS.length);
    this.positions = new BigInt64Array(rows);
  }

  add(features: Float32Array, rows: number, label: (list: ListTarget) => void): void {
    const at = this.count++ * LIST_SIZE;
    this.features.set(features, at * this.width);
    this.present.fill(1, at, at + rows);
    label({
      at,
      targets: this.targets,
      offsets: this.offsets,
      labels: this.labels,
      weights: this.weights,
      positions: this.positions,
    });
  }

  finish(missed: number): RankingLists {
    const { count, width } = this;
    const rows = count * LIST_SIZE;
    return {
      count,
      width,
      features: this.features.subarray(0, rows * width),
      targets: this.targets.subarray(0, rows),
      offsets: this.offsets.subarray(0, rows),
      present: this.present.subarray(0, rows),
      labels: this.labels.subarray(0, rows * HEADS.length),
      weights: this.weights.subarray(0, rows * HEADS.length),
      positions: this.positions.subarray(0, rows),
      missed,
    };
  }
}
