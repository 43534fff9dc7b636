/** Users by the bytes of their ids, so that the records of a few among millions are found without making a string. */
import type { UserId } from "../core/index.ts";

export interface IndexedUser {
  readonly user: UserId;
  /** Events of the user up to here are sought, EpochMs. */
  readonly until: number;
  readonly bytes: Buffer;
}

/** A bit for each value of the low bits of a hash: nearly all users of others end here. */
const FILTER_BITS = 16;

export class UserIndex {
  private readonly buckets = new Map<number, IndexedUser[]>();
  private readonly filter = new Uint8Array(1 << FILTER_BITS);
  private readonly users: ReadonlyMap<UserId, number>;

  constructor(users: ReadonlyMap<UserId, number>) {
    this.users = users;
    for (const [user, until] of users) {
      const bytes = Buffer.from(user);
      const hash = hashOf(bytes, 0, bytes.length);
      const bucket = this.buckets.get(hash);
      if (bucket === undefined) this.buckets.set(hash, [{ user, until, bytes }]);
      else bucket.push({ user, until, bytes });
      this.filter[hash & (this.filter.length - 1)] = 1;
    }
  }

  /** The user whose id is `bytes[start, end)`. */
  at(bytes: Buffer, start: number, end: number): IndexedUser | undefined {
    const hash = hashOf(bytes, start, end);
    if (this.filter[hash & (this.filter.length - 1)] === 0) return undefined;
    const bucket = this.buckets.get(hash);
    return bucket?.find((entry) => bytes.compare(entry.bytes, 0, entry.bytes.length, start, end) === 0);
  }

  /** Until when events of the user are sought; undefined where none are. */
  until(user: UserId): number | undefined {
    return this.users.get(user);
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
