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
  type LoadedSource,
  type TouchColumns,
  type Touches,
  touchesOf,
} from "../retrieval/index.ts";
import type { UserState } from "../state/index.ts";
import { within } from "./budget.ts";
import type { Reason } from "./recommender.ts";

export interface Encoded {
  readonly touches: Touches;
  readonly history: TouchColumns;
  readonly encodings: Encodings;
  /** Why encodings are missing; empty where none is. */
  readonly reasons: readonly Reason[];
  /** Whether the same state would be encoded otherwise now. */
  stale(): boolean;
}

/** @param ms how long may be waited; sources are not even asked where nothing of it is left */
export async function encodeState(
  sources: readonly LoadedSource[],
  state: UserState,
  catalog: Catalog,
  now: EpochMs,
  ms: number,
): Promise<Encoded> {
  const { touches, history } = touchesOf(state, catalog, now);
  const { size } = catalog;
  const encodes = sources.some(({ retriever }) => retriever.encode !== undefined);
  const facts = encodes ? factsOf(touches, catalog) : [];
  const { encodings, reasons } = await encodeWithin(sources, touches, ms);
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

/** What the sources compute of the user; those that are late or fail have no encoding. */
export async function encodeWithin(
  sources: readonly LoadedSource[],
  touches: Touches,
  ms: number,
): Promise<Pick<Encoded, "encodings" | "reasons">> {
  const encodings: Record<string, Float32Array> = {};
  const reasons = new Set<Reason>();
  if (touches.items.length === 0) return { encodings, reasons: [] };
  const ask = async ({ retriever }: LoadedSource) => {
    if (retriever.encode === undefined) return;
    try {
      const encoding = ms > 0 ? await within(retriever.encode(touches), ms) : "late";
      if (encoding === "late") reasons.add("source_late");
      else encodings[retriever.name] = encoding;
    } catch {
      reasons.add("source_failed");
    }
  };
  await Promise.all(sources.map(ask));
  return { encodings, reasons: [...reasons] };
}
