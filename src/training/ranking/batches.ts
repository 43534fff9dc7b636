/** Lists as the feeds of a ranking network: B lists, filled up to S candidates and H visits each. */
import type { Catalog } from "../../catalog/index.ts";
import type { Random } from "../../core/index.ts";
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
import { isCounted, listHead, listWeight } from "./list-heads.ts";
import { NEXT_ITEM, type RankingLists, SLATE } from "./lists.ts";

/** Candidates of a batch, those that fill up included, and lists of one (measured: larger ones learn less a pass). */
const BATCH_ROWS = 2048;
const BATCH_LISTS = 512;

/** What is learned instead of what followed: a teacher's probabilities. */
export interface SoftLabels {
  /** (R, HEADS.length) */
  readonly labels: Float32Array;
  /** (R) shares of each list, by the head that its loss is about. */
  readonly targets: Float32Array;
}

export class Batches {
  private readonly lists: RankingLists;
  private readonly heads: readonly number[];
  private readonly codes: Codes;
  private readonly visitCodes: Codes;
  private readonly soft: SoftLabels | undefined;
  /** (2) by kind: which of the heads a list's loss is about. */
  private readonly listHeads: readonly number[];
  /** (2) by kind: what the loss of a whole list counts. */
  private readonly listWeights: readonly number[];
  /** (2, heads) by kind: 1 where its rows count in the loss of single candidates. A teacher knows all heads of all. */
  private readonly counted: readonly (readonly number[])[];

  /** @param heads indices into HEADS of those that the network has */
  constructor(
    lists: RankingLists,
    heads: readonly number[],
    catalog: Pick<Catalog, "items">,
    vocabulary: Vocabulary,
    soft?: SoftLabels,
  ) {
    this.lists = lists;
    this.heads = heads;
    this.soft = soft;
    this.codes = makeCodes(lists.items.length);
    writeCodes(lists.items, catalog, vocabulary, this.codes, 0);
    this.visitCodes = makeCodes(lists.visits.items.length);
    writeCodes(lists.visits.items, catalog, vocabulary, this.visitCodes, 0);
    this.listWeights = [NEXT_ITEM, SLATE].map((kind) => listWeight(heads, kind));
    this.listHeads = [NEXT_ITEM, SLATE].map((kind) => listHead(heads, kind));
    this.counted = [NEXT_ITEM, SLATE].map((kind) =>
      heads.map((head) => (soft || isCounted(lists, heads, kind, head) ? 1 : 0)),
    );
  }

  /** What the network reads; `names` are those of its inputs. */
  inputs(chosen: Int32Array, names: readonly string[]): Feeds {
    const feeds = { ...this.features(chosen), ...this.history(chosen) };
    return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
  }

  /** Everything that the loss reads beside the network's inputs. */
  outcomes(chosen: Int32Array): Feeds {
    const { lists, heads, soft } = this;
    const B = chosen.length;
    const S = this.widest(chosen);
    const targets = new Float32Array(B * S);
    const offsets = new Float32Array(B * S);
    const present = new Uint8Array(B * S);
    const listWeights = new Float32Array(B);
    const listHeads = new Float32Array(B * heads.length);
    const labels = new Float32Array(B * S * heads.length);
    const weights = new Float32Array(B * S * heads.length);
    const positions = new BigInt64Array(B * S);
    const { labels: known, targets: wanted } = soft ?? lists;
    for (let b = 0; b < B; b++) {
      const list = chosen[b]!;
      const first = lists.offsets[list]!;
      const end = lists.offsets[list + 1]!;
      const kind = lists.kinds[list]!;
      const counted = this.counted[kind]!;
      listWeights[b] = end - first > 1 ? this.listWeights[kind]! : 0;
      listHeads[b * heads.length + this.listHeads[kind]!] = 1;
      for (let row = first, to = b * S; row < end; row++, to++) {
        targets[to] = wanted[row]!;
        offsets[to] = lists.samplingOffsets[row]!;
        present[to] = 1;
        positions[to] = BigInt(lists.positions[row]!);
        for (let h = 0; h < heads.length; h++) {
          const from = row * HEADS.length + heads[h]!;
          labels[to * heads.length + h] = known[from]!;
          weights[to * heads.length + h] = counted[h]! * lists.weights[from]!;
        }
      }
    }
    return {
      targets: { data: targets, dims: [B, S] },
      offsets: { data: offsets, dims: [B, S] },
      present: { data: present, dims: [B, S] },
      list_heads: { data: listHeads, dims: [B, heads.length] },
      list_weights: { data: listWeights, dims: [B] },
      labels: { data: labels, dims: [B, S, heads.length] },
      weights: { data: weights, dims: [B, S, heads.length] },
      positions: { data: positions, dims: [B, S] },
    };
  }

  /** The most candidates that one of the lists has. */
  widest(chosen: Int32Array): number {
    const { offsets } = this.lists;
    let widest = 1;
    for (const list of chosen) widest = Math.max(widest, offsets[list + 1]! - offsets[list]!);
    return widest;
  }

  private features(chosen: Int32Array): Feeds {
    const { lists, codes } = this;
    const { requestWidth: fr, candidateWidth: fc } = lists;
    const B = chosen.length;
    const S = this.widest(chosen);
    const request = new Float32Array(B * fr);
    const candidates = new Float32Array(B * S * fc);
    const filled = makeCodes(B * S);
    for (let b = 0; b < B; b++) {
      const list = chosen[b]!;
      const first = lists.offsets[list]!;
      const end = lists.offsets[list + 1]!;
      request.set(lists.request.subarray(list * fr, (list + 1) * fr), b * fr);
      candidates.set(lists.candidates.subarray(first * fc, end * fc), b * S * fc);
      copyCodes(codes, first, end, filled, b * S);
    }
    return {
      request: { data: request, dims: [B, fr] },
      candidates: { data: candidates, dims: [B, S, fc] },
      items: { data: filled.items, dims: [B, S] },
      creators: { data: filled.creators, dims: [B, S] },
      categories: { data: filled.categories, dims: [B, S] },
    };
  }

  private history(chosen: Int32Array): Feeds {
    const { lists, visitCodes } = this;
    const { visitOffsets, visits } = lists;
    const B = chosen.length;
    let H = 1;
    for (const list of chosen) H = Math.max(H, visitOffsets[list + 1]! - visitOffsets[list]!);
    const filled = makeCodes(B * H);
    const facts = new Float32Array(B * H * VISIT_COLUMNS);
    const present = new Float32Array(B * H);
    for (let b = 0; b < B; b++) {
      const list = chosen[b]!;
      const first = visitOffsets[list]!;
      const end = visitOffsets[list + 1]!;
      copyCodes(visitCodes, first, end, filled, b * H);
      const some = {
        times: visits.times.subarray(first, end),
        shares: visits.shares.subarray(first, end),
        actions: visits.actions.subarray(first, end),
        here: visits.here.subarray(first, end),
      };
      writeVisitFacts(some, lists.times[list]!, facts, b * H);
      present.fill(1, b * H, b * H + end - first);
    }
    return {
      history_items: { data: filled.items, dims: [B, H] },
      history_creators: { data: filled.creators, dims: [B, H] },
      history_categories: { data: filled.categories, dims: [B, H] },
      history_facts: { data: facts, dims: [B, H, VISIT_COLUMNS] },
      history_present: { data: present, dims: [B, H] },
    };
  }
}

function copyCodes(from: Codes, first: number, end: number, to: Codes, at: number): void {
  to.items.set(from.items.subarray(first, end), at);
  to.creators.set(from.creators.subarray(first, end), at);
  to.categories.set(from.categories.subarray(first, end), at);
}

/** The lists in batches of similar sizes, lists and batches in random order where there is a `random`. */
export function batchesOf(lists: RankingLists, chosen: Int32Array, random?: Random): Int32Array[] {
  const bySize = new Map<number, number[]>();
  for (const list of chosen) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, lists.offsets[list + 1]! - lists.offsets[list]!)));
    const some = bySize.get(size);
    if (some === undefined) bySize.set(size, [list]);
    else some.push(list);
  }
  const batches: Int32Array[] = [];
  for (const [size, some] of bySize) {
    const shuffled = Int32Array.from(some);
    random?.shuffle(shuffled);
    const length = Math.max(1, Math.min(BATCH_LISTS, Math.floor(BATCH_ROWS / size)));
    for (let at = 0; at < shuffled.length; at += length) batches.push(shuffled.subarray(at, at + length));
  }
  if (random !== undefined) {
    const order = random.shuffle(Int32Array.from(batches, (_, i) => i));
    return Array.from(order, (i) => batches[i]!);
  }
  return batches;
}
