/**
 * The log as columns: every user's interactions in the order of user state, (time, id), and the slates that were
 * shown. One pass over the log; erased events are left out.
 */
import { type Catalog, createCatalog } from "../catalog/index.ts";
import type { Offset, UserId } from "../core/index.ts";
import {
  type EventLog,
  type Impression,
  INTERACTION_TYPE_NAMES,
  type Interaction,
  interactionCode,
} from "../events/index.ts";
import { evidence } from "../state/index.ts";

export interface History {
  /** Facts as they are at the end of the log. Statistics in it are those of the whole log too: do not train on them. */
  readonly catalog: Catalog;
  readonly users: readonly UserId[];
  /** (users + 1) user u owns the entries offsets[u] .. offsets[u + 1]. */
  readonly offsets: Int32Array;
  /** (E) catalog rows; within a user oldest first, by (time, id). */
  readonly items: Int32Array;
  /** (E) EpochMs */
  readonly times: Float64Array;
  /** (E) interaction type codes */
  readonly types: Uint8Array;
  /** (E) NaN where there was none */
  readonly values: Float32Array;
  /** (E) evidence of interest, 0 where there is none */
  readonly weights: Float32Array;
  /** Slates shown, in time order. */
  readonly slates: readonly Slate[];
  readonly logOffset: Offset;
}

/** A slate that a user was shown, with what the user did with it. */
export interface Slate {
  readonly user: number;
  readonly time: number;
  /** (n) catalog rows */
  readonly items: Int32Array;
  /** (n) 0-based positions */
  readonly positions: Int32Array;
  /** (n) bit c is set where an interaction with type code c answers the slot, by request id. */
  readonly answers: Int32Array;
  /** (n) share watched, 0 where it was not watched. */
  readonly shares: Float32Array;
}

export async function readHistory(log: EventLog): Promise<History> {
  const catalog = createCatalog();
  const rowOfUser = new Map<UserId, number>();
  const users: UserId[] = [];
  const entries: Entry[] = [];
  const impressions: Impression[] = [];
  const answers = new Map<string, Interaction[]>();
  const erasedAt = new Map<UserId, number>();
  for await (const batch of log.read(0 as Offset)) {
    catalog.apply(batch);
    for (const { event } of batch) {
      if (event.kind === "erasure") {
        erasedAt.set(event.user, Math.max(erasedAt.get(event.user) ?? -Infinity, event.time));
      } else if (event.kind === "impression") {
        impressions.push(event);
      } else if (event.kind === "interaction") {
        let user = rowOfUser.get(event.user);
        if (user === undefined) {
          user = users.length;
          rowOfUser.set(event.user, user);
          users.push(event.user);
        }
        entries.push({ user, event });
        if (event.request !== undefined) {
          const list = answers.get(event.request);
          if (list === undefined) answers.set(event.request, [event]);
          else list.push(event);
        }
      }
    }
  }
  const erased = (user: UserId, time: number) => time <= (erasedAt.get(user) ?? -Infinity);
  const kept = erasedAt.size === 0 ? entries : entries.filter(({ event }) => !erased(event.user, event.time));
  return {
    catalog,
    users,
    ...columnsOf(kept, users.length, catalog),
    slates: impressions
      .filter((impression) => !erased(impression.user, impression.time))
      .sort((a, b) => a.time - b.time)
      .flatMap((impression) =>
        slateOf(impression, rowOfUser, answers.get(impression.request) ?? [], catalog),
      ),
    logOffset: log.end,
  };
}

interface Entry {
  readonly user: number;
  readonly event: Interaction;
}

function columnsOf(entries: Entry[], users: number, catalog: Catalog) {
  entries.sort(
    (a, b) =>
      a.user - b.user ||
      a.event.time - b.event.time ||
      (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : 0),
  );
  const n = entries.length;
  const offsets = new Int32Array(users + 1);
  const items = new Int32Array(n);
  const times = new Float64Array(n);
  const types = new Uint8Array(n);
  const values = new Float32Array(n);
  const weights = new Float32Array(n);
  for (let e = 0; e < n; e++) {
    const { user, event } = entries[e]!;
    const row = catalog.rowOf(event.item);
    if (row === undefined) throw new Error("the catalog did not take an item of the log");
    offsets[user + 1] = e + 1;
    items[e] = row;
    times[e] = event.time;
    types[e] = interactionCode(event.type);
    values[e] = event.value ?? Number.NaN;
    weights[e] = evidence(event.type, event.value ?? Number.NaN);
  }
  // A user whose events were all erased has none: the offset is that of the user before.
  for (let u = 1; u <= users; u++) if (offsets[u] === 0) offsets[u] = offsets[u - 1]!;
  return { offsets, items, times, types, values, weights };
}

function slateOf(
  impression: Impression,
  rowOfUser: ReadonlyMap<UserId, number>,
  answers: readonly Interaction[],
  catalog: Catalog,
): Slate[] {
  const user = rowOfUser.get(impression.user);
  if (user === undefined) return [];
  const slots = impression.slots.filter((slot) => catalog.rowOf(slot.item) !== undefined);
  if (slots.length === 0) return [];
  const bits = new Int32Array(slots.length);
  const shares = new Float32Array(slots.length);
  slots.forEach((slot, i) => {
    for (const answer of answers) {
      if (answer.item !== slot.item || answer.user !== impression.user) continue;
      bits[i] = bits[i]! | (1 << interactionCode(answer.type));
      if (answer.type === "watch") shares[i] = Math.max(shares[i]!, answer.value ?? 1);
    }
  });
  return [
    {
      user,
      time: impression.time,
      items: Int32Array.from(slots, (slot) => catalog.rowOf(slot.item)!),
      positions: Int32Array.from(slots, (slot) => slot.position),
      answers: bits,
      shares,
    },
  ];
}

/** Whether code `code` is one of the interaction types that `names` lists, as bits to test `Slate.answers` with. */
export function typeBits(predicate: (type: (typeof INTERACTION_TYPE_NAMES)[number]) => boolean): number {
  return INTERACTION_TYPE_NAMES.reduce(
    (bits, name, code) => (predicate(name) ? bits | (1 << code) : bits),
    0,
  );
}
