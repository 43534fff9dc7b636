/**
 * Retrieval sources: many cheap ways to find candidates, each one file.
 *
 * A source has two lives. `fit` turns the sequences of all users into named columns (a part of a bundle); `load` makes
 * a retriever of them. Sources that only look at live statistics (popular, trending, fresh) have no fit.
 */

import type { Catalog } from "../catalog/index.ts";
import type { Clock, EpochMs, Ms, Progress, Random } from "../core/index.ts";
import type { Place, UserFacts } from "../events/index.ts";
import type { Device, ModelLoader, RunOptions } from "../tensor/index.ts";
import type { Sequences } from "./sequences.ts";

/** Columns of (H) interactions of a user with items that the catalog knows, newest first. */
export interface TouchColumns {
  /** (H) catalog rows. */
  readonly items: Int32Array;
  /** (H) EpochMs. */
  readonly times: Float64Array;
  /** (H) codes of the interaction types. */
  readonly types: Uint8Array;
  /** (H) values of the interactions, NaN where there was none. */
  readonly values: Float32Array;
}

/** All of a user's touches but vetoes, those without evidence of interest too: what was tried and left. */
export interface HistoryColumns extends TouchColumns {
  /** (H) 1 where it happened on the surface that is asked for now. */
  readonly here: Uint8Array;
}

/** What is known of a user's taste at one moment: touches with evidence of interest. */
export interface Touches extends TouchColumns {
  readonly now: EpochMs;
  /** (H) weight of the evidence, > 0, as in Sequences.weights. */
  readonly weights: Float32Array;
}

/** What is known of a request beside the touches. */
export interface RequestContext extends Place {
  readonly facts?: UserFacts;
}

/** What sources have computed of a user, by source name; see `Retriever.encode`. */
export type Encodings = Readonly<Record<string, Float32Array>>;

/** What retrieval is asked. */
export interface Query extends Touches {
  /** (catalog.size) 1 where the item may be shown: not removed, not seen, not hidden, not blocked, in the request's filter. */
  readonly allowed: Uint8Array;
  /** Of these touches. A source that was late or failed, and one that has no `encode`, has none. */
  readonly encodings: Encodings;
  readonly context: RequestContext;
  readonly history: HistoryColumns;
}

/** A query before the sources have encoded the user. */
export type Unencoded = Omit<Query, "encodings">;

/** What one source found for one query. */
export interface Retrieved {
  /** (n) allowed catalog rows, best first, without repeats, n <= k. */
  readonly rows: Int32Array;
  /** (n) scores, descending, finite. */
  readonly scores: Float32Array;
  /**
   * The source's signals for any rows of the catalog without repeats, found or not: out[j] (rows.length) is overwritten
   * with signal j, finite, 0 where the source knows nothing. The first is the retrieval score. Signals are features of
   * the ranker: a row's values do not depend on the other rows. Synchronous, and independent of other queries.
   */
  signals(rows: Int32Array, out: readonly Float32Array[]): void;
}

export interface Retriever {
  readonly name: string;
  /** Names of the columns that `Retrieved.signals` fills. The first is the source's own name: its retrieval score. */
  readonly signalNames: readonly string[];
  /** Whether the source looks at the user's touches at all; what only such sources find is personal. */
  readonly personal: boolean;
  /**
   * What the source computes of the user before a moment of the log is chosen, for the part of its work that has to
   * wait: a network's answer. Depends on the touches but not on their `now`, and of the catalog on what `factsOf` says
   * of these items; whoever asks sees to it that neither has changed since, and may keep the answer as long as that is
   * so. What it holds beside may save `retrieve` work, and may not change what that finds. Called with one touch or more.
   * May reject.
   *
   * @returns what `retrieve` finds in `query.encodings` under the source's name
   */
  encode?(touches: Touches, options?: RunOptions): Promise<Float32Array>;
  /**
   * The k best allowed items; the k best are the head of the k + 1 best. Items between which the source makes no
   * difference are ordered by row. Empty where the source has nothing to say, or has an `encode` and the query has no
   * encoding of it. Synchronous: nothing else happens between the moment whose statistics a request reads and its
   * candidates, so that the log can give the same answer again.
   */
  retrieve(query: Query, k: number): Retrieved;
  /** Frees what the source holds outside of JavaScript's memory. Nothing is asked of it afterwards. */
  close?(): Promise<void>;
}

/** Named typed arrays: what a fitted source keeps. Written into a bundle as they are. */
export type Columns = Readonly<
  Record<string, Float32Array | Float64Array | Int32Array | Uint8Array | Uint32Array>
>;

export interface FitContext {
  readonly sequences: Sequences;
  /** Facts of the items. Its statistics are those of the whole log, also of what is held out: not to be learned from. */
  readonly catalog: Catalog;
  readonly random: Random;
  /** The source begins its own step, "fit NAME", with a total and a unit. */
  readonly progress: Progress;
  readonly clock: Clock;
  /** How long the fit may take, in wall time; sources that do not iterate ignore it. */
  readonly budget: Ms;
  /** What was given for everything, this fit and others: a size may depend on it, for it is the same on any machine. */
  readonly timeBudget: Ms;
  /** Where networks are trained; on the CPU, with a note, where this machine has no such device. */
  readonly device?: Device;
  /** What an earlier fit on an older part of the same log kept: a source may go on from it. */
  readonly previous?: Columns;
  /** Where a fit that takes long keeps what it goes on from after it was killed. */
  readonly checkpoint?: Checkpoint;
}

/** One file that is replaced as a whole. */
export interface Checkpoint {
  /** undefined where nothing was written. */
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A kind of source: the entry in retrieval/index.ts. */
export interface Source {
  readonly name: string;
  readonly signalNames: readonly string[];
  readonly personal: boolean;
  /**
   * Whether it finds items that came after its fit, and hears them in a history: by live statistics, or by what the
   * catalog says of them. To other sources they are nothing until the next fit.
   */
  readonly knowsNewItems: boolean;
  /** Its vote in the blend (blend.ts). */
  readonly weight: number;
  /** Of the number that every source is asked for, the share that this one is: 0 to 1. What stands further down has no say. */
  readonly depth: number;
  /** Absent for sources that read live statistics only. */
  fit?(context: FitContext): Promise<Columns>;
  /** What the fit has decided, of `columns`, as JSON: the bundle's manifest says it. */
  summary?(columns: Columns): unknown;
  /**
   * `columns` is what `fit` returned, or empty. The catalog may have grown since; rows below itemCount are the same.
   *
   * @param model how a network is loaded; to compute in the caller's thread unless told
   */
  load(columns: Columns, catalog: Catalog, model?: ModelLoader): Promise<Retriever>;
}
