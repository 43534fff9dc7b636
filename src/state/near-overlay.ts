/**
 * What was applied here and is perhaps not in the store yet: what a state of the store lacks, by user.
 *
 *     log      0 ------------- stored ------------- applied ----- end
 *     store    |== everything ==|=== some of it ===|
 *     overlay                   |== everything ====|
 *
 * Merging is idempotent, so what both have does no harm. The overlay is bounded. Batches that do not fit are left out,
 * and their users are marked: until the store has those batches, what store and overlay say of a marked user may be
 * too little, and so may what they say of anybody while the store has lost what it held.
 */
import type { EpochMs, Offset, UserId } from "../core/index.ts";
import type { BatchChanges, UserChange } from "./fold-batch.ts";

/** Bits of the marks. At 10,000 marked users, one in a hundred others is taken for marked. */
const MARKS = 1 << 20;

export class Overlay {
  /** Grows with each loss of the store: what was read before it says nothing any more. */
  losses = 0;
  private readonly limit: number;
  private storedTo: number;
  private appliedTo: number;
  /** By the offset that a batch ends at, oldest first. */
  private readonly batches = new Map<number, ReadonlyMap<UserId, UserChange>>();
  /** The changes of a user, one a batch, oldest first. */
  private readonly users = new Map<UserId, UserChange[]>();
  private held = 0;
  /** Where the newest batch that was left out ends, and its users and those of earlier ones, as bits of their hash. */
  private markedUntil = 0;
  private marks: Uint8Array | undefined;
  /** Nobody is covered before the store has come here. */
  private blindUntil: number;
  private isLost = false;

  /**
   * @param stored every event before it is in the store
   * @param applied offset of the first event that will be added, at or after `stored`
   * @param limit touches and erasures that are held at most
   */
  constructor(stored: Offset, applied: Offset, limit: number) {
    this.storedTo = stored;
    this.appliedTo = applied;
    this.blindUntil = applied;
    this.limit = limit;
  }

  /** Every event before it is in the store. */
  get stored(): Offset {
    return this.storedTo as Offset;
  }

  /** Every event before it was applied here. */
  get applied(): Offset {
    return this.appliedTo as Offset;
  }

  /** Touches and erasures that are held. */
  get size(): number {
    return this.held;
  }

  /** Whether the store has lost what it held, and nobody knows yet what it has now. */
  get lost(): boolean {
    return this.isLost;
  }

  /** Whether the store's states plus what is held are everything for every user. */
  get complete(): boolean {
    return !this.blind && this.storedTo >= this.markedUntil;
  }

  /** Whether the store has everything that was applied. */
  get settled(): boolean {
    return !this.isLost && this.storedTo >= this.appliedTo;
  }

  add({ users, applied }: BatchChanges): void {
    this.appliedTo = applied;
    const size = sizeOf(users);
    if (size === 0 || applied <= this.storedTo) return;
    if (this.held + size > this.limit) {
      this.mark(users.keys(), applied);
      return;
    }
    this.batches.set(applied, users);
    this.held += size;
    for (const [user, change] of users) {
      const changes = this.users.get(user);
      if (changes === undefined) this.users.set(user, [change]);
      else changes.push(change);
    }
  }

  /** The store has everything before `offset`. Less than before means that it has lost what was there. */
  confirm(offset: Offset): void {
    if (offset < this.storedTo) this.lose();
    this.isLost = false;
    this.storedTo = offset;
    for (const [end, users] of this.batches) {
      if (end > offset) break;
      this.batches.delete(end);
      this.held -= sizeOf(users);
      for (const user of users.keys()) this.dropOldest(user);
    }
    if (this.marks !== undefined && offset >= this.markedUntil) this.marks = undefined;
  }

  /** The store does not have what it had. */
  lose(): void {
    this.losses++;
    this.isLost = true;
    this.blindUntil = Math.max(this.blindUntil, this.storedTo);
    this.storedTo = 0;
  }

  /** Whether the store's state of `user` and `changeOf(user)` are everything that was applied. */
  covers(user: UserId): boolean {
    if (this.blind) return false;
    return this.marks === undefined || !isSet(this.marks, hash(user));
  }

  /** What the store's state of `user` may lack, in an object of its own. */
  changeOf(user: UserId): UserChange {
    const all: UserChange = { touches: [], erasedAt: -Infinity as EpochMs };
    for (const { touches, erasedAt } of this.users.get(user) ?? []) {
      for (const touch of touches) all.touches.push(touch);
      if (erasedAt > all.erasedAt) all.erasedAt = erasedAt;
    }
    return all;
  }

  private get blind(): boolean {
    return this.isLost || this.storedTo < this.blindUntil;
  }

  private dropOldest(user: UserId): void {
    const changes = this.users.get(user)!;
    if (changes.length === 1) this.users.delete(user);
    else changes.shift();
  }

  private mark(users: Iterable<UserId>, until: Offset): void {
    this.markedUntil = until;
    this.marks ??= new Uint8Array(MARKS / 8);
    for (const user of users) {
      const bit = hash(user);
      this.marks[bit >> 3]! |= 1 << (bit & 7);
    }
  }
}

function sizeOf(users: ReadonlyMap<UserId, UserChange>): number {
  let size = 0;
  for (const { touches, erasedAt } of users.values()) size += touches.length + (erasedAt > -Infinity ? 1 : 0);
  return size;
}

function isSet(bits: Uint8Array, bit: number): boolean {
  return (bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
}

/** FNV-1a over the code units, cut to the bits there are. */
function hash(user: UserId): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < user.length; i++) value = Math.imul(value ^ user.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 16)) & (MARKS - 1);
}
