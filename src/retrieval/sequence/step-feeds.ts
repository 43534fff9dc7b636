/**
 * The inputs of one training step of the encoder: windows, sampled candidates, and the items that occur in either. They
 * come in parts, which are computed at the same time.
 */
import type { Random } from "../../core/index.ts";
import type { Feeds, Part } from "../../tensor/index.ts";
import { ATTRIBUTES_PER_ITEM, type ItemAttributes } from "./attributes.ts";
import type { Window } from "./windows.ts";

/** The fewest places of a window: causal attention is computed in two runs of queries. */
const SHORTEST = 2;
/** Share of a step's items that do without their own vector: attributes alone must mean something, for new items. */
const WITHOUT_OWN = 0.05;

export class StepFeeds {
  private readonly sequenceItems: Int32Array;
  private readonly offsets: Int32Array;
  private readonly attributes: ItemAttributes;
  private readonly itemCount: number;
  private readonly candidates: number;
  /** (items) index among the step's items, and among its candidates; -1 elsewhere. */
  private readonly place: Int32Array;
  private readonly drawn: Int32Array;

  constructor(
    sequences: { readonly items: Int32Array; readonly offsets: Int32Array; readonly itemCount: number },
    attributes: ItemAttributes,
    candidates: number,
  ) {
    this.sequenceItems = sequences.items;
    this.offsets = sequences.offsets;
    this.itemCount = sequences.itemCount;
    this.attributes = attributes;
    this.candidates = candidates;
    this.place = new Int32Array(sequences.itemCount).fill(-1);
    this.drawn = new Int32Array(sequences.itemCount).fill(-1);
  }

  /** The step on a batch, whose windows are dealt out to `parts` parts (fewer where there are fewer windows). */
  of(batch: readonly Window[], parts: number, random: Random): Part[] {
    const rows: number[] = [];
    const placeOf = (item: number): number => {
      let at = this.place[item]!;
      if (at < 0) {
        at = rows.length;
        this.place[item] = at;
        rows.push(item);
      }
      return at;
    };
    const chosen = this.draw(random);
    const candidates = chosen.map(placeOf);
    const dealt = Array.from({ length: Math.min(parts, batch.length) }, (_, part) =>
      batch.filter((_, i) => i % parts === part),
    );
    const windows = dealt.map((some) => this.windowFeeds(some, placeOf));
    for (const item of rows) this.place[item] = -1;
    for (const item of chosen) this.drawn[item] = -1;
    const items = this.itemFeeds(Int32Array.from(rows), random);
    const total = windows.reduce((sum, { targets }) => sum + targets, 0);
    return windows.map(({ feeds, targets }) => ({
      feeds: { ...items, ...feeds, candidates: { data: candidates, dims: [candidates.length] } },
      share: targets / total,
    }));
  }

  /** Distinct items, each with the same chance. */
  private draw(random: Random): Int32Array {
    const chosen = new Int32Array(this.candidates);
    for (let n = 0; n < chosen.length; ) {
      const item = random.int(this.itemCount);
      if (this.drawn[item]! >= 0) continue;
      this.drawn[item] = n;
      chosen[n++] = item;
    }
    return chosen;
  }

  private windowFeeds(
    batch: readonly Window[],
    placeOf: (item: number) => number,
  ): { readonly feeds: Feeds; readonly targets: number } {
    const length = batch.reduce((longest, { start, end }) => Math.max(longest, end - start - 1), SHORTEST);
    const tokens = new Int32Array(batch.length * length);
    const targets = new Int32Array(batch.length * length);
    const counts = new Float32Array(batch.length * length);
    batch.forEach(({ start, end }, b) => {
      // Behind the end, item 0 of the step is read: no position that counts looks there.
      for (let entry = start, at = b * length; entry < end - 1; entry++, at++) {
        tokens[at] = placeOf(this.sequenceItems[entry]!);
        targets[at] = placeOf(this.sequenceItems[entry + 1]!);
        counts[at] = 1;
      }
    });
    const dims = [batch.length, length];
    return {
      feeds: {
        tokens: { data: tokens, dims },
        targets: { data: targets, dims },
        counts: { data: counts, dims },
        from: { data: this.firstSeen(batch, length), dims: [batch.length, this.candidates] },
      },
      targets: batch.reduce((sum, { start, end }) => sum + end - start - 1, 0),
    };
  }

  /** (batch, candidates) the position in the window at which the user first took it; after the window where never. */
  private firstSeen(batch: readonly Window[], length: number): Float32Array {
    const n = this.candidates;
    const seen = new Float32Array(batch.length * n).fill(length + 1);
    batch.forEach(({ user, start, end }, b) => {
      for (let entry = end - 1; entry >= this.offsets[user]!; entry--) {
        const candidate = this.drawn[this.sequenceItems[entry]!]!;
        if (candidate >= 0) seen[b * n + candidate] = Math.max(0, entry - start);
      }
    });
    return seen;
  }

  private itemFeeds(rows: Int32Array, random: Random): Feeds {
    const own = Float32Array.from(rows, () => (random.next() < WITHOUT_OWN ? 0 : 1));
    return itemFeeds(rows, own, this.attributes);
  }
}

/** The inputs of `itemVectors` (models/sequence-encoder.ts) for item `rows` (U). */
export function itemFeeds(rows: Int32Array, own: Float32Array, { codes, shares }: ItemAttributes): Feeds {
  const U = rows.length;
  const A = ATTRIBUTES_PER_ITEM;
  const someCodes = new Int32Array(U * A);
  const someShares = new Float32Array(U * A);
  for (let i = 0; i < U; i++) {
    const from = rows[i]! * A;
    for (let a = 0; a < A; a++) {
      someCodes[i * A + a] = codes[from + a]!;
      someShares[i * A + a] = shares[from + a]!;
    }
  }
  return {
    rows: { data: rows, dims: [U] },
    own: { data: own, dims: [U, 1] },
    attributes: { data: someCodes, dims: [U, A] },
    shares: { data: someShares, dims: [U, A] },
  };
}
