/**
 * The vectors of all items of a catalog that grows: the item's own vector, or the one that stands for unknown items
 * where it came after training, and the sum of its attributes' vectors by their shares. So a new item is found, and
 * read in a history, from its first mention on; one without attributes is an average item.
 */
import { setImmediate } from "node:timers/promises";
import type { Catalog } from "../../catalog/index.ts";
import {
  type ItemScorer,
  itemScorer,
  type PlaceFeed,
  type PlaceRows,
  type Shortlist,
  type SoftmaxTop,
  type VersionedFeed,
} from "../../tensor/index.ts";
import { ATTRIBUTES_PER_ITEM, type AttributeSpace, readAttributes } from "./attributes.ts";

export interface VectorTables {
  readonly width: number;
  readonly space: AttributeSpace;
  /** (trained items, width) */
  readonly own: Float32Array;
  /** (width) */
  readonly unknown: Float32Array;
  /** (codes, width) */
  readonly attributes: Float32Array;
}

/** Vectors that are made in about a millisecond (guess). */
const PIECE = 256;

/** Each call first follows the catalog; what it has to make is next to nothing after `fill`. */
export class ItemVectors {
  private readonly tables: VectorTables;
  private readonly catalog: Catalog;
  private readonly codes = new Int32Array(ATTRIBUTES_PER_ITEM);
  private readonly vector: Float32Array;
  private capacity = 0;
  private scorer: ItemScorer;
  /** How many vectors there are, and of which version of the facts. */
  private size = 0;
  private version = -1;
  /** Of the scorer that there is; undefined until somebody looks at the vectors elsewhere, and where there are few. */
  private fed: VersionedFeed | undefined;
  /** Above those of the scorers before. */
  private firstVersion = 0;

  /** The vectors for another thread, which are kept up with the catalog. */
  readonly feed: PlaceFeed = {
    all: () => {
      this.refresh();
      this.fed ??= this.scorer.feed(this.firstVersion);
      return this.fed?.all();
    },
    changes: (): PlaceRows | undefined => {
      this.refresh();
      return this.fed === undefined ? this.feed.all() : this.fed.changes();
    },
  };

  constructor(tables: VectorTables, catalog: Catalog) {
    this.tables = tables;
    this.catalog = catalog;
    this.vector = new Float32Array(tables.width);
    this.scorer = this.grown();
  }

  /** Makes all vectors in pieces, with a turn of the event loop after each: a server answers while a bundle is loaded. */
  async fill(): Promise<void> {
    const { size } = this.catalog;
    const { version } = this.catalog.items.changes;
    if (size > this.capacity) this.scorer = this.grown();
    for (let from = 0; from < size; from += PIECE) {
      for (let row = from; row < Math.min(size, from + PIECE); row++) this.write(row);
      await setImmediate();
    }
    this.size = size;
    this.version = version;
  }

  /** (rows, width), oldest last where the rows are so: the vectors of these items, in this order. */
  of(rows: ArrayLike<number>): Float32Array {
    this.refresh();
    const { width } = this.tables;
    const out = new Float32Array(rows.length * width);
    for (let i = 0; i < rows.length; i++) out.set(this.scorer.of(rows[i]!), i * width);
    return out;
  }

  /** Whether anything is known of the item: it was in the training, or has attributes that were. */
  knows(row: number): boolean {
    this.refresh();
    const { unknown } = this.tables;
    return this.scorer.of(row).some((value, d) => value !== unknown[d]);
  }

  /**
   * The `n` items with the largest dot products, and log Σ exp over all that are allowed.
   *
   * @param list of this user, where there is one
   */
  top(user: Float32Array, allowed: Uint8Array, n: number, list?: Shortlist): SoftmaxTop {
    this.refresh();
    return this.scorer.topOfSoftmax(user, allowed, n, list);
  }

  /** out[j] = vector of rows[j] · user */
  dot(rows: Int32Array, user: Float32Array, out: Float32Array): void {
    this.refresh();
    this.scorer.dot(rows, user, out);
  }

  /** Follows the catalog: makes the vectors of items that are new or have other facts than before. */
  private refresh(): void {
    const { items, size } = this.catalog;
    const { changes } = items;
    if (changes.version === this.version) return;
    const changed = changes.since(this.version);
    if (size > this.capacity) this.scorer = this.grown();
    if (changed === undefined) for (let row = 0; row < size; row++) this.write(row);
    else for (const row of changed) this.write(row);
    this.size = size;
    this.version = changes.version;
  }

  private write(row: number): void {
    const { width, space, own, unknown, attributes } = this.tables;
    const { vector, codes } = this;
    const known = (row + 1) * width <= own.length;
    vector.set(known ? own.subarray(row * width, (row + 1) * width) : unknown);
    const n = readAttributes(this.catalog, row, space, codes, 0);
    const share = Math.fround(1 / Math.sqrt(n));
    for (let a = 0; a < n; a++) {
      const at = codes[a]! * width;
      for (let d = 0; d < width; d++) vector[d] = vector[d]! + share * attributes[at + d]!;
    }
    this.scorer.set(row, vector);
  }

  /** A scorer with room for the catalog's items and half as many more, and with the vectors made so far. */
  private grown(): ItemScorer {
    const { width } = this.tables;
    // Lists of the scorer before are of other places.
    if (this.fed !== undefined) this.firstVersion = this.fed.version + 1;
    this.fed = undefined;
    this.capacity = Math.max(16, Math.ceil(1.5 * this.catalog.size));
    const scorer = itemScorer({ factors: new Float32Array(0), N: 0, k: width, capacity: this.capacity });
    for (let row = 0; row < this.size; row++) scorer.set(row, this.scorer.of(row));
    return scorer;
  }
}
