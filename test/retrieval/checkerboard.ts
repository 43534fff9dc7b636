/**
 * A data set whose right answer is known in the head. Items are black and white in turn (even and odd rows), and a user
 * takes items of one colour only. So whoever has taken black items is to be shown black ones.
 */
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import {
  type EpochMs,
  type EventId,
  HOUR,
  type ItemId,
  MINUTE,
  type Offset,
  Random,
  silent,
  type UserId,
} from "../../src/core/index.ts";
import { type Event, type ItemFacts, interactionCode, type LoggedEvent } from "../../src/events/index.ts";
import {
  type Columns,
  encodeAll,
  type Query,
  type Retriever,
  type Sequences,
  type Source,
} from "../../src/retrieval/index.ts";
import { tickingClock } from "../ticking-clock.ts";

/** Looks at the clock that a fit has before its time is over. */
const LOOKS = 300;

/**
 * Rows that somebody took, rows that the fit knows (two without any taker), and rows of the catalog. There are more
 * items than a factorisation has factors, or it would learn the users by heart instead of the colours.
 */
const TAKEN = 200;
export const FITTED = 202;
export const KNOWN = 206;
const USERS = 120;
const LENGTH = 70;
const START = 1_700_000_000_000;
/** The moment after the last event: six days later. */
export const NOW = (START + USERS * LENGTH * MINUTE) as EpochMs;

export const colour = (row: number): number => row % 2;
export const itemOf = (row: number): ItemId => `i${row}` as ItemId;

/** User u takes LENGTH of the items of colour u mod 2, in an order of their own. */
function takenBy(random: Random, user: number): number[] {
  const rows = Array.from({ length: TAKEN }, (_, row) => row).filter((row) => colour(row) === user % 2);
  return random.shuffle(rows).slice(0, LENGTH);
}

const orders = Array.from({ length: USERS }, (_, user) => takenBy(new Random(`checkerboard/${user}`), user));

/** One minute between two events, users in turn. */
const timeOf = (user: number, entry: number): number => START + (entry * USERS + user) * MINUTE;

/** The items that each user took, oldest first, as sequences. */
export function sequencesOf(users: readonly (readonly number[])[], itemCount: number): Sequences {
  const offsets = new Int32Array(users.length + 1);
  users.forEach((rows, user) => {
    offsets[user + 1] = offsets[user]! + rows.length;
  });
  return {
    offsets,
    items: Int32Array.from(users.flat()),
    times: Float64Array.from(users.flatMap((rows, user) => rows.map((_, entry) => timeOf(user, entry)))),
    weights: new Float32Array(offsets.at(-1)!).fill(1),
    itemCount,
  };
}

export const sequences: Sequences = sequencesOf(orders, FITTED);

export function click(item: ItemId, user: string, time: number): Event {
  return {
    kind: "interaction",
    id: `${user}/${item}/${time}` as EventId,
    user: user as UserId,
    item,
    type: "click",
    time: time as EpochMs,
  };
}

/** An item, known from `time` on; without facts unless told. */
export function upsert(item: ItemId, time: number, facts: ItemFacts = {}): Event {
  return { kind: "item", id: `item/${item}/${time}` as EventId, item, facts, time: time as EpochMs };
}

/** Applies events after those that the catalog has. */
export function extend(catalog: Catalog, events: readonly Event[]): void {
  catalog.apply(events.map((event, i): LoggedEvent => ({ offset: (catalog.applied + i) as Offset, event })));
}

/** Row r is item `i${r}`: KNOWN items, without facts unless told, then every click in the order of time. */
export function checkerboardCatalog(factsOf: (row: number) => ItemFacts = () => ({})): Catalog {
  const catalog = createCatalog();
  extend(
    catalog,
    Array.from({ length: KNOWN }, (_, row) => upsert(itemOf(row), START - HOUR, factsOf(row))),
  );
  const clicks = orders.flatMap((order, user) =>
    order.map((row, entry) => click(itemOf(row), `u${user}`, timeOf(user, entry))),
  );
  extend(
    catalog,
    clicks.sort((a, b) => a.time - b.time),
  );
  return catalog;
}

/** What the source keeps of `from`, or nothing for a source without a fit. */
export async function fitted(
  source: Source,
  from: Sequences = sequences,
  catalog: Catalog = checkerboardCatalog(),
  seed = 1,
): Promise<Columns> {
  const context = {
    sequences: from,
    catalog,
    random: new Random(seed),
    progress: silent,
    clock: tickingClock(MINUTE / LOOKS),
    budget: MINUTE,
    timeBudget: MINUTE,
  };
  return (await source.fit?.(context)) ?? {};
}

export interface QueryOptions {
  readonly size?: number;
  readonly now?: EpochMs;
  /** (size) 1 where the item may be shown; everything but the history unless told. */
  readonly allowed?: Uint8Array;
}

/** A user who clicked these rows, newest first, an hour apart. */
export function queryOver(rows: readonly number[], options: QueryOptions = {}): Query {
  const { size = KNOWN, now = NOW } = options;
  const allowed = options.allowed ?? new Uint8Array(size).fill(1);
  if (options.allowed === undefined) for (const row of rows) allowed[row] = 0;
  const touches = {
    items: Int32Array.from(rows),
    times: Float64Array.from(rows, (_, i) => now - (i + 1) * HOUR),
    types: new Uint8Array(rows.length).fill(interactionCode("click")),
    values: new Float32Array(rows.length).fill(Number.NaN),
  };
  const weights = new Float32Array(rows.length).fill(1);
  const history = { ...touches, here: new Uint8Array(rows.length) };
  return { now, ...touches, weights, allowed, encodings: {}, context: {}, history };
}

/** The same with what the retriever makes of the user. */
export async function encoded(retriever: Retriever, query: Query): Promise<Query> {
  return { ...query, encodings: await encodeAll([{ retriever, weight: 1, depth: 1 }], query) };
}
