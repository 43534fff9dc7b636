/**
 * VMIS-kNN as Serenade serves it (Kersbergen, Sprangers, Schelter, "Serenade: low-latency session-based recommendation
 * in e-commerce at scale", SIGMOD 2022, algorithms 1 and 2), as a source, so that it runs in the same server over the
 * same state as ours: what differs is what finds and orders items.
 *
 *   r(h)  = sum over the items i of the evolving session s that h has of position(i in s) / |s|
 *   d(c)  = sum over the K best h that have c of lambda(place in s, from its end, of the newest item that h shares)
 *           * r(h) * log(sessions / sessions with c)
 * over the SAMPLE newest sessions that share an item with s. lambda falls from 0.9 by 0.1 a place, and is 0 from the
 * tenth on. A session ends where nothing is taken for half an hour; the evolving one is a user's newest items, without
 * repeats, whichever session they are of: a visit that has just begun would say nothing.
 */
import type { Columns, Query, Retrieved, Retriever, Source } from "../../src/retrieval/index.ts";
import { TopK } from "../../src/retrieval/top-k.ts";

/** The paper's values for its experiments are m = 500 and k = 500; its sessions have ten items at most that count. */
const SAMPLE = 500;
const NEIGHBOURS = 500;
const EVOLVING = 10;
const IDLE_MS = 30 * 60_000;

export const vmisKnn: Source = {
  name: "vmis-knn",
  signalNames: ["vmis-knn"],
  personal: true,
  knowsNewItems: false,
  weight: 1,
  depth: 1,

  async fit({ sequences: { offsets, items, times, itemCount } }) {
    const starts: number[] = [];
    for (let u = 0; u + 1 < offsets.length; u++) {
      for (let p = offsets[u]!; p < offsets[u + 1]!; p++) {
        if (p === offsets[u] || times[p]! - times[p - 1]! > IDLE_MS) starts.push(p);
      }
    }
    const sessions = starts.length;
    starts.push(items.length);
    const ends = Float64Array.from({ length: sessions }, (_, h) => times[starts[h + 1]! - 1]!);
    const newestFirst = Int32Array.from(ends, (_, h) => h).sort((a, b) => ends[b]! - ends[a]! || b - a);
    const lists: number[][] = Array.from({ length: itemCount }, () => []);
    const counts = new Int32Array(itemCount);
    for (const h of newestFirst) {
      for (const item of new Set(items.subarray(starts[h], starts[h + 1]))) {
        counts[item]!++;
        if (lists[item]!.length < SAMPLE) lists[item]!.push(h);
      }
    }
    const bounds = new Int32Array(itemCount + 1);
    for (let item = 0; item < itemCount; item++) bounds[item + 1] = bounds[item]! + lists[item]!.length;
    return {
      starts: Int32Array.from(starts),
      items,
      ends,
      bounds,
      lists: Int32Array.from(lists.flat()),
      counts,
    };
  },

  async load(columns) {
    return retrieverOf(columns);
  },
};

function retrieverOf(columns: Columns): Retriever {
  const { starts, items, bounds, lists, counts } = columns as Record<string, Int32Array>;
  const ends = columns["ends"] as Float64Array;
  const logOf = Float64Array.from(counts!, (n) => Math.log(ends.length / Math.max(1, n)));
  const scores = new Float64Array(counts!.length);

  /** The newest sessions that share an item: their r, and the place from the end of the newest item that they share. */
  function similar(evolving: readonly number[]): Map<number, { r: number; readonly place: number }> {
    const found = new Map<number, { r: number; readonly place: number }>();
    const oldest: number[] = []; // a heap by end, the oldest at its root
    evolving.forEach((item, place) => {
      const weight = (evolving.length - place) / evolving.length;
      for (let at = bounds![item]!; at < bounds![item + 1]!; at++) {
        const session = lists![at]!;
        const known = found.get(session);
        if (known !== undefined) {
          known.r += weight;
        } else if (found.size < SAMPLE) {
          found.set(session, { r: weight, place });
          rise(oldest, session, ends);
        } else {
          // Lists have the newest first: what comes after this one is older still.
          if (ends[session]! <= ends[oldest[0]!]!) break;
          found.delete(oldest[0]!);
          found.set(session, { r: weight, place });
          replaceRoot(oldest, session, ends);
        }
      }
    });
    return found;
  }

  function scored(query: Query): Int32Array {
    const known = query.items.filter((item) => item < counts!.length);
    const touched = new Set<number>();
    const evolving = [...new Set(known)].slice(0, EVOLVING);
    const sessions = [...similar(evolving)].sort(([a, p], [b, q]) => q.r - p.r || ends[b]! - ends[a]!);
    for (const [session, { r, place }] of sessions.slice(0, NEIGHBOURS)) {
      const vote = r * Math.max(0, 0.9 - 0.1 * place);
      if (vote === 0) continue;
      for (let p = starts![session]!; p < starts![session + 1]!; p++) {
        const item = items![p]!;
        touched.add(item);
        scores[item] = scores[item]! + vote * logOf[item]!;
      }
    }
    return Int32Array.from(touched);
  }

  return {
    ...vmisKnn,
    retrieve(query, k): Retrieved {
      const rows = scored(query);
      const best = new TopK(Math.min(k, rows.length));
      const said = new Map<number, number>();
      for (const row of rows) {
        said.set(row, scores[row]!);
        if (query.allowed[row] === 1 && scores[row]! > 0) best.push(row, scores[row]!);
        scores[row] = 0;
      }
      return {
        ...best.take(),
        signals(wanted, [out]) {
          wanted.forEach((row, i) => {
            out![i] = said.get(row) ?? 0;
          });
        },
      };
    },
  };
}

function rise(heap: number[], session: number, ends: Float64Array): void {
  let at = heap.push(session) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (ends[heap[parent]!]! <= ends[session]!) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = session;
}

function replaceRoot(heap: number[], session: number, ends: Float64Array): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && ends[heap[child + 1]!]! < ends[heap[child]!]!) child++;
    if (ends[heap[child]!]! >= ends[session]!) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = session;
}
