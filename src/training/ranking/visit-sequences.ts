/**
 * Everything users ever did, as visits: what a network's taste is learned from. The examples are the visits of which
 * it is known how they went, each with the visits before it.
 */
import type { Random } from "../../core/index.ts";
import { INTERACTION_TYPE_NAMES, interactionCode, isVeto } from "../../events/index.ts";
import { MAX_VISITS, type Visits, visitsOf } from "../../features/index.ts";
import {
  type Codes,
  HEADS,
  makeCodes,
  VISIT_COLUMNS,
  type Vocabulary,
  writeCodes,
  writeVisitFacts,
} from "../../ranking/index.ts";
import type { Feeds } from "../../tensor/index.ts";
import type { History } from "../history.ts";
import type { Cut } from "../replay.ts";

/** A visit with fewer before it says more of the item than of the user. */
const FEWEST_BEFORE = 3;
/** An action that nearly all visits have, or nearly none, teaches nothing. */
const LEAST_RATE = 0.01;
const VETOES = Uint8Array.from(INTERACTION_TYPE_NAMES, (type) => (isVeto(type) ? 1 : 0));
const WATCH = 1 << interactionCode("watch");

export interface VisitSequences {
  /** Users with their visits, oldest first: user u has visits offsets[u] .. offsets[u + 1]. */
  readonly offsets: Int32Array;
  readonly visits: Visits;
  /** (visits) EpochMs of the oldest touch: as of then, it was not known how the visit goes. */
  readonly starts: Float64Array;
  readonly codes: Codes;
  /** Indices of the visits that are examples. */
  readonly examples: Int32Array;
  /** (examples) the first visit of the example's user. */
  readonly firsts: Int32Array;
  /** [head] whether it is learned. */
  readonly learned: readonly boolean[];
}

/** @param heads indices into HEADS */
export function visitSequences(
  history: History,
  cut: Cut,
  heads: readonly number[],
  vocabulary: Vocabulary,
): VisitSequences {
  const { catalog } = history;
  const perUser: Started[] = [];
  for (let u = 0; u < cut.length; u++) perUser.push(visitsOfEntries(history, history.offsets[u]!, cut[u]!));
  const offsets = new Int32Array(perUser.length + 1);
  perUser.forEach(({ starts }, u) => {
    offsets[u + 1] = offsets[u]! + starts.length;
  });
  const { starts, ...visits } = joinedVisits(perUser, offsets[perUser.length]!);
  const codes = makeCodes(visits.items.length);
  writeCodes(visits.items, catalog, vocabulary, codes, 0);
  const examples: number[] = [];
  const firsts: number[] = [];
  for (let u = 0; u < perUser.length; u++) {
    for (let v = offsets[u]! + FEWEST_BEFORE; v < offsets[u + 1]!; v++) {
      examples.push(v);
      firsts.push(offsets[u]!);
    }
  }
  return {
    offsets,
    visits,
    starts,
    codes,
    examples: Int32Array.from(examples),
    firsts: Int32Array.from(firsts),
    learned: heads.map((h) => isLearnable(visits, h)),
  };
}

type Started = Visits & Pick<VisitSequences, "starts">;

/** All visits of entries first .. end, oldest first. */
function visitsOfEntries(history: History, first: number, end: number): Started {
  const { items, times, types, values, catalog } = history;
  const entries: number[] = [];
  for (let e = end - 1; e >= first; e--) if (VETOES[types[e]!] === 0) entries.push(e);
  const newest = {
    items: Int32Array.from(entries, (e) => items[e]!),
    times: Float64Array.from(entries, (e) => times[e]!),
    types: Uint8Array.from(entries, (e) => types[e]!),
    values: Float32Array.from(entries, (e) => values[e]!),
    // What is learned here is of no request, so of no surface.
    here: new Uint8Array(entries.length),
  };
  const visits = visitsOf(newest, catalog, entries.length);
  const oldest = entries.filter((e, at) => at === entries.length - 1 || items[entries[at + 1]!] !== items[e]);
  return {
    starts: Float64Array.from(oldest, (e) => times[e]!).reverse(),
    items: visits.items.reverse(),
    times: visits.times.reverse(),
    shares: visits.shares.reverse(),
    actions: visits.actions.reverse(),
    types: visits.types.reverse(),
    here: visits.here,
  };
}

function joinedVisits(parts: readonly Started[], length: number): Started {
  const all = {
    starts: new Float64Array(length),
    items: new Int32Array(length),
    times: new Float64Array(length),
    shares: new Float32Array(length),
    actions: new Uint8Array(length),
    types: new Uint16Array(length),
    here: new Uint8Array(length),
  };
  let at = 0;
  for (const part of parts) {
    all.starts.set(part.starts, at);
    all.items.set(part.items, at);
    all.times.set(part.times, at);
    all.shares.set(part.shares, at);
    all.actions.set(part.actions, at);
    all.types.set(part.types, at);
    at += part.items.length;
  }
  return all;
}

/** Whether visits differ in it. What a watch decides is only known of visits with one. */
function isLearnable(visits: Visits, head: number): boolean {
  let counted = 0;
  let done = 0;
  for (let v = 0; v < visits.items.length; v++) {
    if (!isKnown(visits, v, head)) continue;
    counted++;
    done += (visits.actions[v]! >> head) & 1;
  }
  return done >= LEAST_RATE * counted && done <= (1 - LEAST_RATE) * counted && counted > 0;
}

function isKnown(visits: Visits, visit: number, head: number): boolean {
  return HEADS[head]!.name !== "long-watch" || (visits.types[visit]! & WATCH) !== 0;
}

/** Indices into `examples`, in random order. */
export function drawExamples({ examples }: VisitSequences, count: number, random: Random): Int32Array {
  const all = random.shuffle(Int32Array.from(examples, (_, i) => i));
  return all.subarray(0, Math.min(count, all.length));
}

/** The feeds of `tasteLoss` for the chosen examples: one candidate each. */
export function tasteFeeds(sequences: VisitSequences, chosen: Int32Array, heads: readonly number[]): Feeds {
  const { visits, starts, codes, examples, firsts, learned } = sequences;
  const B = chosen.length;
  let H = 1;
  for (const example of chosen) {
    H = Math.max(H, Math.min(MAX_VISITS, examples[example]! - firsts[example]!));
  }
  const own = makeCodes(B);
  const before = makeCodes(B * H);
  const facts = new Float32Array(B * H * VISIT_COLUMNS);
  const present = new Float32Array(B * H);
  const labels = new Float32Array(B * heads.length);
  const weights = new Float32Array(B * heads.length);
  for (let b = 0; b < B; b++) {
    const example = chosen[b]!;
    const visit = examples[example]!;
    own.items[b] = codes.items[visit]!;
    own.creators[b] = codes.creators[visit]!;
    own.categories[b] = codes.categories[visit]!;
    const first = Math.max(firsts[example]!, visit - H);
    for (let v = visit - 1, to = b * H; v >= first; v--, to++) {
      before.items[to] = codes.items[v]!;
      before.creators[to] = codes.creators[v]!;
      before.categories[to] = codes.categories[v]!;
      present[to] = 1;
      const one = {
        times: visits.times.subarray(v, v + 1),
        shares: visits.shares.subarray(v, v + 1),
        actions: visits.actions.subarray(v, v + 1),
        here: visits.here.subarray(v, v + 1),
      };
      writeVisitFacts(one, starts[visit]!, facts, to);
    }
    heads.forEach((head, h) => {
      labels[b * heads.length + h] = (visits.actions[visit]! >> head) & 1;
      weights[b * heads.length + h] = learned[h] && isKnown(visits, visit, head) ? 1 : 0;
    });
  }
  return {
    items: { data: own.items, dims: [B, 1] },
    creators: { data: own.creators, dims: [B, 1] },
    categories: { data: own.categories, dims: [B, 1] },
    history_items: { data: before.items, dims: [B, H] },
    history_creators: { data: before.creators, dims: [B, H] },
    history_categories: { data: before.categories, dims: [B, H] },
    history_facts: { data: facts, dims: [B, H, VISIT_COLUMNS] },
    history_present: { data: present, dims: [B, H] },
    labels: { data: labels, dims: [B, 1, heads.length] },
    weights: { data: weights, dims: [B, 1, heads.length] },
  };
}
