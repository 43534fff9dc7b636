/**
 * The log as columns: every user's interactions in the order of user state, (time, id), and the slates that were
 * shown. One pass over the log; erased events are left out.
 *
 * Where retention has dropped the log's beginning, the touches that user states still held of it take its place: they
 * are the interactions that serving remembers too. Slates of that time are gone.
 */
import { type Catalog, createCatalog } from "../catalog/index.ts";
import { type Offset, UpnextError, type UserId } from "../core/index.ts";
import {
  actionsOf,
  type EventLog,
  evidence,
  type Impression,
  type Interaction,
  interactionCode,
  type Place,
} from "../events/index.ts";
import type { Snapshot } from "../snapshots/index.ts";
import type { UserState } from "../state/index.ts";

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
  /** (E) 1 where the interaction names the request that it answers. */
  readonly answered: Uint8Array;
  /** (E) index into `surfaceNames`, 0 where the interaction did not say where it happened */
  readonly surfaces: Int32Array;
  readonly surfaceNames: readonly (string | undefined)[];
  /** (E) offset in the log; -1 of what a base knows and the log has dropped */
  readonly logged: Float64Array;
  /** Slates shown, in time order. */
  readonly slates: readonly Slate[];
  readonly logOffset: Offset;
}

/** A slate that a user was shown, with what the user did with it. */
export interface Slate extends Place {
  readonly user: number;
  readonly time: number;
  /** Size of the catalog when it was shown: serving counts an impression for the rows below it alone. */
  readonly known: number;
  /** (n) catalog rows */
  readonly items: Int32Array;
  /** (n) 0-based positions */
  readonly positions: Int32Array;
  /** (n) bit a is set where an interaction that answers the slot, by request id, is ACTIONS[a]. */
  readonly actions: Int32Array;
}

/**
 * Rejects with `snapshot_corrupt` where the log does not begin at 0 and there is no base to begin with.
 *
 * @param base a snapshot with states, of the log's first event or later; not needed where the log is whole
 */
export async function readHistory(log: EventLog, base?: Snapshot): Promise<History> {
  const rowOfUser = new Map<UserId, number>();
  const users: UserId[] = [];
  const entries: Entry[] = [];
  const impressions: Shown[] = [];
  let catalog = createCatalog();
  if (log.first > 0) {
    if (base === undefined || base.offset < log.first) throw withoutPast(log, base);
    catalog = await base.catalog();
    for await (const state of base.states()) {
      const events = interactionsOf(state);
      if (events.length === 0) continue;
      const user = rowFor(state.user);
      for (const event of events) entries.push({ user, event, logged: -1 });
    }
  }
  for await (const batch of log.read(log.first)) {
    for (const logged of batch) {
      const { event } = logged;
      catalog.apply([logged]);
      if (event.kind === "impression") {
        // Before the base's offset every item that the base knows counts as known: which it was by then, nobody can say.
        impressions.push({ user: rowFor(event.user), event, known: catalog.size });
      } else if (event.kind === "interaction") {
        entries.push({ user: rowFor(event.user), event, logged: logged.offset });
      }
    }
  }
  function rowFor(user: UserId): number {
    let row = rowOfUser.get(user);
    if (row === undefined) {
      row = users.length;
      rowOfUser.set(user, row);
      users.push(user);
    }
    return row;
  }
  const { erasures } = catalog;
  const erased = (user: UserId, time: number) => time <= (erasures.get(user) ?? -Infinity);
  const kept = erasures.size === 0 ? entries : entries.filter(({ event }) => !erased(event.user, event.time));
  const answers = answersByRequest(kept);
  return {
    catalog,
    users,
    ...columnsOf(kept, users.length, catalog),
    slates: impressions
      .filter(({ event }) => !erased(event.user, event.time))
      .sort((a, b) => a.event.time - b.event.time)
      .flatMap((shown) => slateOf(shown, answers.get(shown.event.request) ?? [], catalog)),
    logOffset: log.end,
  };
}

interface Entry {
  readonly user: number;
  readonly event: Interaction;
  readonly logged: number;
}

interface Shown {
  readonly user: number;
  readonly event: Impression;
  readonly known: number;
}

function answersByRequest(entries: readonly Entry[]): ReadonlyMap<string, readonly Interaction[]> {
  const answers = new Map<string, Interaction[]>();
  for (const { event } of entries) {
    if (event.request === undefined) continue;
    const list = answers.get(event.request);
    if (list === undefined) answers.set(event.request, [event]);
    else list.push(event);
  }
  return answers;
}

/** What the log said, as far as a state still holds it: which request was answered is not there. */
function interactionsOf({ user, touches, vetoes }: UserState): readonly Interaction[] {
  return [...touches, ...vetoes].map(({ value, ...touch }) => ({
    kind: "interaction",
    user,
    ...touch,
    ...(!Number.isNaN(value) && { value }),
  }));
}

function withoutPast(log: EventLog, base: Snapshot | undefined): UpnextError {
  const got = base === undefined ? "none" : `one of event ${base.offset}`;
  return new UpnextError(
    "snapshot_corrupt",
    `train: the log begins at event ${log.first}; expected a whole snapshot with the user states of that event or a later one, got ${got}. Restore the directory from a backup: upnext restore PATH`,
  );
}

function columnsOf(all: Entry[], users: number, catalog: Catalog) {
  all.sort(
    (a, b) =>
      a.user - b.user ||
      a.event.time - b.event.time ||
      (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : 0),
  );
  // What a base and the log both have is one interaction; the log takes an id once.
  const entries = all.filter(({ user, event }, i) => {
    const before = all[i - 1];
    return before === undefined || before.user !== user || before.event.id !== event.id;
  });
  const n = entries.length;
  const offsets = new Int32Array(users + 1);
  const items = new Int32Array(n);
  const times = new Float64Array(n);
  const types = new Uint8Array(n);
  const values = new Float32Array(n);
  const weights = new Float32Array(n);
  const answered = new Uint8Array(n);
  const logged = new Float64Array(n);
  const surfaces = new Int32Array(n);
  const codes = new Map<string | undefined, number>([[undefined, 0]]);
  for (let e = 0; e < n; e++) {
    const { user, event } = entries[e]!;
    logged[e] = entries[e]!.logged;
    const row = catalog.rowOf(event.item);
    if (row === undefined) throw new Error("the catalog did not take an item of the log");
    offsets[user + 1] = e + 1;
    items[e] = row;
    times[e] = event.time;
    types[e] = interactionCode(event.type);
    values[e] = event.value ?? Number.NaN;
    weights[e] = evidence(event.type, event.value ?? Number.NaN);
    answered[e] = event.request === undefined ? 0 : 1;
    const code = codes.get(event.surface);
    surfaces[e] = code ?? codes.size;
    if (code === undefined) codes.set(event.surface, codes.size);
  }
  // A user whose events were all erased has none: the offset is that of the user before.
  for (let u = 1; u <= users; u++) if (offsets[u] === 0) offsets[u] = offsets[u - 1]!;
  const surfaceNames = [...codes.keys()];
  return { offsets, items, times, types, values, weights, answered, surfaces, surfaceNames, logged };
}

function slateOf(
  { user, event: impression, known }: Shown,
  answers: readonly Interaction[],
  catalog: Catalog,
): Slate[] {
  const seen = new Set<string>();
  // An item that was shown twice counts where it was shown first: candidates are without repeats.
  const slots = impression.slots.filter(({ item }) => {
    if (catalog.rowOf(item) === undefined || seen.has(item)) return false;
    seen.add(item);
    return true;
  });
  if (slots.length === 0) return [];
  const actions = new Int32Array(slots.length);
  slots.forEach((slot, i) => {
    for (const { item, user: by, type, value = Number.NaN } of answers) {
      if (item !== slot.item || by !== impression.user) continue;
      const duration = catalog.items.duration[catalog.rowOf(item)!]!;
      actions[i] = actions[i]! | actionsOf(type, value, duration);
    }
  });
  return [
    {
      user,
      time: impression.time,
      known,
      items: Int32Array.from(slots, (slot) => catalog.rowOf(slot.item)!),
      positions: Int32Array.from(slots, (slot) => slot.position),
      actions,
      ...(impression.surface !== undefined && { surface: impression.surface }),
      ...(impression.device !== undefined && { device: impression.device }),
    },
  ];
}
