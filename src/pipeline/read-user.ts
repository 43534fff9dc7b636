/**
 * What a request knows of its user: the state, and what sources make of it that takes waiting.
 *
 * Both are read before the request chooses its moment of the log. They hold at every later moment up to which nothing
 * that they were made of has changed: no event of the user was applied, the catalog knows no more of the touched items
 * than it did, and their facts are the same. Whatever else happens to the catalog does not matter to them.
 */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs } from "../core/index.ts";
import type { ItemFacts } from "../events/index.ts";
import {
  type Encodings,
  type HistoryColumns,
  type LoadedSource,
  type Retriever,
  type Touches,
  touchesOf,
} from "../retrieval/index.ts";
import { emptyState, type UserState, withoutExpired } from "../state/index.ts";
import { type StageBudget, within } from "./budget.ts";
import type { EncodingCache, KeptEncodings, PendingEncoding } from "./encoding-cache.ts";
import type { StateRead } from "./follower.ts";
import type { PathParts } from "./path-parts.ts";
import type { Reason, RecommendRequest } from "./recommender.ts";
import type { Trace } from "./trace.ts";

export interface Encoded {
  readonly touches: Touches;
  readonly history: HistoryColumns;
  readonly encodings: Encodings;
  /** Why encodings are missing; empty where none is. */
  readonly reasons: readonly Reason[];
  /** Whether the same state would be encoded otherwise now. */
  stale(): boolean;
}

/** Where encodings are kept, and whether the state that they would be made of is the past. */
export interface Keeping {
  readonly cache: EncodingCache;
  /** Whether an event of the user has come since the state was read: then nothing of it is kept. */
  stale(): boolean;
  /** Whether no request waits for it. */
  readonly ahead: boolean;
}

/**
 * @param ms how long may be waited; sources are not even asked where nothing of it is left
 * @param surface that is asked for
 */
export async function encodeState(
  sources: readonly LoadedSource[],
  state: UserState,
  catalog: Catalog,
  now: EpochMs,
  ms: number,
  keeping?: Keeping,
  surface?: string,
): Promise<Encoded> {
  const { touches, history } = touchesOf(state, catalog, now, surface);
  const { size } = catalog;
  const encodes = sources.some(({ retriever }) => retriever.encode !== undefined);
  const facts = encodes ? factsOf(touches, catalog) : [];
  const keeps = keeping !== undefined && encodes && touches.items.length > 0 && !keeping.stale();
  const kept = keeps && { of: keeping.cache.of(state.user, { sources, touches, facts }), ...keeping };
  const { encodings, reasons } = await encodeWithin(sources, touches, ms, kept || undefined);
  return {
    touches,
    history,
    encodings,
    reasons,
    stale() {
      // Rows stay: an item that the catalog has learned of since can only add a touch.
      const known = catalog.size > size ? touchesOf(state, catalog, now).history : history;
      const more = known.items.length > history.items.length;
      return more || facts.some((before, i) => before !== catalog.factsOf(touches.items[i]!));
    },
  };
}

/** An upsert puts another object into the catalog: the same one means that nothing has changed. */
function factsOf(touches: Touches, catalog: Catalog): readonly (ItemFacts | undefined)[] {
  return Array.from(touches.items, (row) => catalog.factsOf(row));
}

/** What is kept of this very state. */
interface Kept extends Pick<Keeping, "cache" | "ahead"> {
  readonly of: KeptEncodings;
}

/** What the sources compute of the user; those that are late or fail have no encoding. */
export async function encodeWithin(
  sources: readonly LoadedSource[],
  touches: Touches,
  ms: number,
  kept?: Kept,
): Promise<Pick<Encoded, "encodings" | "reasons">> {
  const encodings: Record<string, Float32Array> = {};
  const reasons = new Set<Reason>();
  if (touches.items.length === 0) return { encodings, reasons: [] };
  const ask = async ({ retriever }: LoadedSource) => {
    if (retriever.encode === undefined) return;
    const ready = kept?.of.ready.get(retriever.name);
    if (kept && !kept.ahead) kept.cache.count(ready ? "hits" : "misses");
    if (ready !== undefined) {
      encodings[retriever.name] = ready;
      return;
    }
    if (ms <= 0) {
      reasons.add("source_late");
      return;
    }
    const pending = joined(retriever, touches, kept);
    try {
      const encoding = await within(pending.promise, ms);
      if (encoding === "late") reasons.add("source_late");
      else encodings[retriever.name] = encoding;
    } catch {
      reasons.add("source_failed");
    } finally {
      pending.waiting--;
    }
  };
  await Promise.all(sources.map(ask));
  return { encodings, reasons: [...reasons] };
}

/** An encoding with one more who waits for it: two that ask at once about one state wait for the same. */
function joined(retriever: Retriever, touches: Touches, kept: Kept | undefined): PendingEncoding {
  const { name } = retriever;
  const known = kept?.of.pending.get(name);
  // One that nobody waits for may be given up at any moment.
  if (known !== undefined && known.waiting > 0) {
    known.waiting++;
    return known;
  }
  const waits = { waiting: 1 };
  const promise = retriever.encode!(touches, { expired: () => waits.waiting === 0 });
  const pending: PendingEncoding = Object.assign(waits, { promise });
  if (kept === undefined) return pending;
  const { of, ahead, cache } = kept;
  of.pending.set(name, pending);
  promise
    .then((vector) => {
      of.put(name, vector);
      if (ahead) cache.count("ahead");
    })
    .catch(() => {}) // who waits for it is told
    .finally(() => {
      if (of.pending.get(name) === pending) of.pending.delete(name);
    });
  return pending;
}

/** What is known of the user at the moment at which it is looked at. */
export interface UserRead extends Omit<Encoded, "stale"> {
  readonly state: UserState;
  /** The time of the request: that of the state. */
  readonly now: EpochMs;
  /** Whether the state did not come. */
  readonly missing: boolean;
}

/**
 * Reads until nothing has changed since: an event of this user that was applied meanwhile would be in the catalog's
 * offset and not in what was read.
 *
 * @param takeTurn waited for before the request goes on, which computes for long then; undefined on the last rung,
 * which does not, and whose sources are not asked to encode either
 */
export async function readUser(
  parts: PathParts,
  request: RecommendRequest,
  budget: StageBudget,
  trace: Trace,
  takeTurn: (() => Promise<void>) | undefined,
): Promise<UserRead> {
  for (;;) {
    const read = await readOnce(parts, request, budget, trace, takeTurn !== undefined);
    await takeTurn?.();
    const stale = read.stale();
    read.release();
    if (!stale) return read;
  }
}

async function readOnce(
  parts: PathParts,
  request: RecommendRequest,
  budget: StageBudget,
  trace: Trace,
  encodes: boolean,
): Promise<UserRead & Pick<StateRead, "stale" | "release">> {
  const { catalog, clock, models, settings } = parts;
  const read = await trace.stage("state", 1, async () => {
    const value = await readWithin(parts, request, budget.left("state"));
    const out = value.state.touches.length + value.state.vetoes.length;
    return { value, out, ...(value.fallback && { fallback: value.fallback }) };
  });
  const { fallback } = read;
  // What had expired when the store looked has expired now too: the state depends on this moment alone.
  const now = clock.now();
  const state = withoutExpired(read.state, settings, now);
  const sources = encodes ? models.sources : [];
  const keeping = parts.encodings && { cache: parts.encodings, stale: () => read.stale(), ahead: false };
  const encoded = await trace.stage("encode", state.touches.length, async () => {
    const ms = budget.left("encode");
    const value = await encodeState(sources, state, catalog, now, ms, keeping, request.surface);
    const [reason] = value.reasons;
    return { value, out: Object.keys(value.encodings).length, ...(reason && { fallback: reason }) };
  });
  return {
    ...encoded,
    now,
    state,
    missing: fallback !== undefined,
    reasons: fallback === undefined ? encoded.reasons : [fallback, ...encoded.reasons],
    stale: () => read.stale() || encoded.stale(),
    release: () => read.release(),
  };
}

/** The user's state; an empty one, and why, where the store takes longer than `ms` or fails. */
async function readWithin(
  parts: PathParts,
  request: RecommendRequest,
  ms: number,
): Promise<StateRead & { readonly fallback?: Reason }> {
  const without = (fallback: Reason) => ({
    state: emptyState(request.user),
    stale: () => false,
    release() {},
    fallback,
  });
  try {
    const reading = parts.readState();
    const read = await within(reading, ms);
    if (read !== "late") return read;
    // Whenever it comes, nobody looks at it.
    reading.then(({ release }) => release()).catch(() => {});
    return without("state_late");
  } catch {
    return without("state_unavailable");
  }
}
