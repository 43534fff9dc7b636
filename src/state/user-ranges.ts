/**
 * The users of stores in ranges by a hash of their ids: an order that is the same in every store, and a place in it
 * that can be written down without naming anybody.
 */
import { crc32 } from "node:zlib";
import type { UserId } from "../core/index.ts";
import type { StateStore } from "./state-store.ts";

/** Of a million users each has some 4,000: small enough to do again, large enough that few places are remembered. */
export const RANGES = 256;

/** Every user of any of the stores once, by range, ordered within it. Takes memory for all their ids. */
export async function usersByRange(stores: readonly StateStore[]): Promise<readonly (readonly UserId[])[]> {
  const ranges = Array.from({ length: RANGES }, () => new Set<UserId>());
  for (const store of stores) {
    for await (const user of store.users()) ranges[crc32(user) % RANGES]!.add(user);
  }
  return ranges.map((users) => [...users].sort());
}

/** Does `work` for pages of `size` users, at most `atOnce` of them at a time; rejects with the first failure. */
export async function inPages(
  users: readonly UserId[],
  size: number,
  atOnce: number,
  work: (page: readonly UserId[]) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < users.length) {
      const page = users.slice(next, next + size);
      next += size;
      await work(page);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
