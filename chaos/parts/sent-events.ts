/**
 * Events that follow from their ids alone, so that two processes speak of the same event when they speak of an id, and
 * one that was not acknowledged can be sent again. An id is "user/anything": whose it is stands in it.
 */
import { crc32 } from "node:zlib";
import type { EventInput } from "../../src/upnext.ts";

const TYPES = ["view", "click", "watch", "like", "share", "save", "dislike", "hide"] as const;
const ITEMS = 97;
const USERS = 50;
const BEGIN = 1_700_000_000_000;
const SPAN_MS = 30 * 86_400_000;

/** Users whom nobody forgets. */
export const KNOWN_USERS: readonly string[] = Array.from({ length: USERS }, (_, n) => `user-${n}`);

export const userOf = (id: string): string => id.slice(0, id.indexOf("/"));

/** Somebody who comes in order to be forgotten; everything that such a user sends belongs to that user alone. */
export const passingUser = (run: string, name: string): string => `passing-${run}-${name}`;

/** An id of one of the users whom nobody forgets. */
export function idOf(run: string, writer: string, n: number): string {
  return `${KNOWN_USERS[crc32(`${run}${writer}${n}`) % USERS]}/${run}.${writer}.${n}`;
}

/** Mostly interactions, of any age; some facts and some impressions. */
export function eventOf(id: string): EventInput {
  const dice = crc32(id);
  const user = userOf(id);
  const item = `item-${dice % ITEMS}`;
  const base = { id, time: BEGIN + (dice % SPAN_MS) };
  const kind = (dice >>> 8) % 20;
  switch (kind === 0 && !KNOWN_USERS.includes(user) ? 1 : kind) {
    case 0:
      return {
        ...base,
        kind: "item",
        item,
        facts: { title: `Item ${dice}`, categories: [`c${dice % 5}`], creator: `m${dice % 7}` },
      };
    case 1:
      return { ...base, kind: "user", user, facts: { told: id, age: dice % 90 } };
    case 2: {
      const slots = [0, 1, 2].map((position) => ({ item: `item-${(dice + position) % ITEMS}`, position }));
      return { ...base, kind: "impression", user, request: `request ${id}`, slots };
    }
    default:
      return { ...base, kind: "interaction", user, item, type: TYPES[(dice >>> 16) % TYPES.length]! };
  }
}
