/**
 * The ranker's training set: lists of candidates with what followed.
 *
 * Two kinds of lists. A **next item**: the candidates that retrieval finds for a user as of an interaction, the item
 * taken among them; a sampled part of the others are negatives, each standing for as many as were left out (the logQ
 * correction of sampled softmax). A **slate**: what was shown, with what the user did with each slot. Every list is
 * computed from the state, the statistics and the catalogue as they were at its moment.
 */
import { type Catalog, withStatistics } from "../../catalog/index.ts";
import type { EpochMs, Progress, Random } from "../../core/index.ts";
import { ACTIONS, actionsOf, INTERACTION_TYPE_NAMES } from "../../events/index.ts";
import { type FeatureSet, visitsOf } from "../../features/index.ts";
import { POSITIONS } from "../../models/index.ts";
import { HEADS, NEXT_HEAD } from "../../ranking/index.ts";
import {
  blend,
  type Candidates,
  type Contribution,
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
} from "../../retrieval/index.ts";
import type { Example } from "../examples.ts";
import type { History, Slate } from "../history.ts";
import { type Cut, Replay, type TouchLimits } from "../replay.ts";
import { type ListTarget, ListWriter, NEXT_ITEM, type RankingLists, SLATE } from "./lists.ts";

/** Candidates of a next item's list, and how many of them are the head of the blend; the rest is sampled. */
const LIST_SIZE = 64;
const HARD = 24;
/** Slots of a slate that are learned from. */
const MOST_SLOTS = 64;
/** Entries after the target in which the other actions of the same visit are looked for. */
const VISIT = 10;
/** Weight of a next item's rows in the binary losses, where a shown slot counts 1: absence is weaker than refusal. */
const UNSHOWN_WEIGHT = 0.1;

export interface ListOptions {
  readonly history: History;
  readonly sources: readonly Source[];
  /** What the sources were fitted on; statistics go on from there. */
  readonly fitted: FittedSources;
  readonly featureSet: FeatureSet;
  /** What of the history statistics may count, and labels may look at. */
  readonly cut: Cut;
  /** In time order. */
  readonly examples: readonly Example[];
  readonly slates: readonly Slate[];
  /**
   * (slates) 1 where sources are asked what they think of what was shown; the candidates of other slates come as from
   * sources that were not asked. That costs milliseconds a slate, and what another system has shown has no provenance
   * of its own. Only of slates after what the sources were fitted on.
   */
  readonly asked: Uint8Array;
  /** Candidates of the blend, and how many each source is asked for. */
  readonly candidates: number;
  readonly perSource: number;
  readonly limits: TouchLimits;
  readonly random: Random;
  readonly progress: Progress;
}

/** In time order. */
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
  const { history, featureSet, random, examples, slates, progress } = options;
  const lists = new ListWriter(featureSet.requestNames.length, featureSet.candidateNames.length);
  let missed = 0;

  function write(
    what: { readonly kind: number; readonly user: number; readonly time: number },
    query: Query,
    candidates: Candidates,
    label: (target: ListTarget) => void,
  ): void {
    const visits = visitsOf(query.history, catalog);
    const features = featureSet.compute({ query, catalog, candidates, visits });
    lists.add({ ...what, rows: candidates.rows, features, visits }, label);
  }

  const nextItem = async (example: Example) => {
    const now = history.times[example.entry]! as EpochMs;
    replay.advance(now);
    await replay.asOf(example.user, example.entry, now, async (asked) => {
      const query = { ...asked, encodings: await encodeAll(sources, asked) };
      const contributions = retrieveAll(sources, query, options.perSource);
      const found = blend(contributions, options.candidates).rows;
      const target = found.indexOf(history.items[example.entry]!);
      if (target < 0) {
        missed++;
        return;
      }
      const { rows, offsets } = sampleList(found, target, random);
      const what = { kind: NEXT_ITEM, user: example.user, time: now };
      write(what, query, candidatesOf(contributions, rows), (list) => {
        list.samplingOffsets.set(offsets);
        list.targets[0] = 1;
        labelVisit(history, options.cut, example, list.labels);
        list.labels[NEXT_HEAD] = 1;
        list.weights.fill(UNSHOWN_WEIGHT);
      });
    });
  };

  const slate = async (shown: Slate, ask: boolean) => {
    replay.advance(shown.time);
    const learn = async (asked: Unencoded) => {
      const query = { ...asked, encodings: ask ? await encodeAll(sources, asked) : {} };
      const contributions = ask ? retrieveAll(sources, query, options.perSource) : sources.map(unasked);
      const rows = shown.items.subarray(0, MOST_SLOTS);
      const what = { kind: SLATE, user: shown.user, time: shown.time };
      write(what, query, candidatesOf(contributions, rows), (list) => {
        for (let i = 0; i < rows.length; i++) {
          list.positions[i] = Math.min(shown.positions[i]!, POSITIONS - 1);
          for (let h = 0; h < ACTIONS.length; h++) {
            list.labels[i * HEADS.length + h] = (shown.actions[i]! >> h) & 1;
            list.weights[i * HEADS.length + h] = 1;
          }
          list.targets[i] = list.labels[i * HEADS.length]!;
        }
      });
    };
    const end = entriesBefore(history, shown.user, shown.time);
    await replay.asOf(shown.user, end, shown.time as EpochMs, learn, shown);
  };

  progress.step("ranking lists", examples.length + slates.length, "lists");
  let e = 0;
  let s = 0;
  while (e < examples.length || s < slates.length) {
    const example = examples[e];
    const shown = slates[s];
    const exampleTime = example === undefined ? Infinity : history.times[example.entry]!;
    if (shown === undefined || exampleTime <= shown.time) {
      await nextItem(example!);
      e++;
    } else {
      await slate(shown, options.asked[s] === 1);
      s++;
    }
    if ((e + s) % 100 === 0) progress.update(e + s);
  }
  return lists.finish(missed);
}

function unasked({ retriever: { name, signalNames }, weight }: LoadedSource): Contribution {
  return { name, weight, signalNames, retrieved: null };
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

/** Labels of row 0: the actions of the target entry and of the entries right after it on the same item. */
function labelVisit(history: History, cut: Cut, { user, entry }: Example, labels: Float32Array): void {
  // What came after the cut is what the models are tested on.
  const last = Math.min(cut[user]!, entry + VISIT);
  for (let e = entry; e < last; e++) {
    if (history.items[e] !== history.items[entry]) continue;
    const duration = history.catalog.items.duration[history.items[e]!]!;
    const actions = actionsOf(INTERACTION_TYPE_NAMES[history.types[e]!]!, history.values[e]!, duration);
    for (let h = 0; h < HEADS.length; h++) if ((actions >> h) & 1) labels[h] = 1;
  }
}

function entriesBefore(history: History, user: number, time: number): number {
  let end = history.offsets[user + 1]!;
  while (end > history.offsets[user]! && history.times[end - 1]! >= time) end--;
  return end;
}
