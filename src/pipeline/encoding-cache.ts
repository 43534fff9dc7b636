/**
 * What sources have encoded of users, kept while there is room: the least recently asked user goes first.
 *
 * An entry holds what it was made of: the sources of the bundle, the touches, and the facts of their items. It answers
 * only where all of that is still the same, compared and not counted, so whatever happens in between (events, late
 * events, another bundle and back, an erasure), nobody is answered with the encoding of another state. Depends on
 * encodings not reading the time of the request (`Retriever.encode`).
 */
import type { UserId } from "../core/index.ts";
import type { ItemFacts } from "../events/index.ts";
import type { LoadedSource, Touches } from "../retrieval/index.ts";

/** What an encoding is made of. */
export interface EncodedState {
  readonly sources: readonly LoadedSource[];
  readonly touches: Touches;
  /** (H) of the touched items. */
  readonly facts: readonly (ItemFacts | undefined)[];
}

export interface EncodingFigures {
  /** Encodings that requests found, and those that they had to wait for. */
  readonly hits: number;
  readonly misses: number;
  /** Encodings made when an event came. */
  readonly ahead: number;
  readonly users: number;
  /** An estimate. */
  readonly bytes: number;
}

/** The encodings of one state, by source: those that are there, and those on their way. */
export interface KeptEncodings {
  readonly ready: ReadonlyMap<string, Float32Array>;
  /** Keeps what a source has encoded. */
  put(source: string, encoding: Float32Array): void;
  readonly pending: Map<string, PendingEncoding>;
}

export interface PendingEncoding {
  readonly promise: Promise<Float32Array>;
  /** How many still wait for it: with nobody, it need not be begun. */
  waiting: number;
}

interface Entry extends EncodedState, KeptEncodings {
  readonly ready: Map<string, Float32Array>;
  bytes: number;
}

/** Of the objects of an entry, beside its numbers and encodings (guess). */
const ENTRY_BYTES = 1_500;
/** Of a touch in the columns and the list of facts. */
const TOUCH_BYTES = 30;

export class EncodingCache {
  private readonly maxBytes: number;
  /** The least recently asked first. */
  private readonly entries = new Map<UserId, Entry>();
  private bytes = 0;
  private readonly counts = { hits: 0, misses: 0, ahead: 0 };

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  has(user: UserId): boolean {
    return this.entries.has(user);
  }

  /** The encodings of this very state; an empty entry takes the place of another's. */
  of(user: UserId, state: EncodedState): KeptEncodings {
    const known = this.entries.get(user);
    if (known !== undefined && isSame(known, state)) {
      this.entries.delete(user);
      this.entries.set(user, known);
      return known;
    }
    this.forget(user);
    const bytes = ENTRY_BYTES + TOUCH_BYTES * state.touches.items.length;
    const entry: Entry = {
      ...{ ...state, ready: new Map(), pending: new Map(), bytes },
      put: (source, encoding) => {
        entry.ready.set(source, encoding);
        entry.bytes += encoding.byteLength;
        if (this.entries.get(user) === entry) this.grow(user, encoding.byteLength);
      },
    };
    this.entries.set(user, entry);
    this.grow(user, bytes);
    return entry;
  }

  forget(user: UserId): void {
    const entry = this.entries.get(user);
    if (entry === undefined) return;
    this.bytes -= entry.bytes;
    this.entries.delete(user);
  }

  /** Takes note of what was added to a user's entry; others make room for it. */
  private grow(user: UserId, bytes: number): void {
    this.bytes += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= this.maxBytes || oldest === user) break;
      this.forget(oldest);
    }
  }

  count(what: "hits" | "misses" | "ahead"): void {
    this.counts[what]++;
  }

  figures(): EncodingFigures {
    return { ...this.counts, users: this.entries.size, bytes: this.bytes };
  }
}

function isSame(a: EncodedState, b: EncodedState): boolean {
  if (a.sources !== b.sources || a.facts.length !== b.facts.length) return false;
  for (let i = 0; i < a.facts.length; i++) if (a.facts[i] !== b.facts[i]) return false;
  return (
    areSame(a.touches.items, b.touches.items) &&
    areSame(a.touches.times, b.touches.times) &&
    areSame(a.touches.types, b.touches.types) &&
    areSame(a.touches.values, b.touches.values)
  );
}

/** NaN is NaN. */
function areSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
