/**
 * States of the users who were asked for last, in this process: what a request gets while the store does not answer.
 *
 * Every applied event goes into them, so a copy is never old. They are kept as bytes (state-codec.ts): a sixth of what
 * objects take, nothing for the garbage collector to walk over, and the everyday change is an append.
 */
import type { UserId } from "../core/index.ts";
import { changeState, type UserChange } from "./fold-batch.ts";
import { appendTouches, decodeState, encodeState } from "./state-codec.ts";
import type { StateLimits, UserState } from "./user-state.ts";

/** What a copy takes beside its bytes: the entry of the map, the id, a buffer and its memory (guess). */
const ENTRY_BYTES = 300;

export class Copies {
  private readonly limits: StateLimits;
  private readonly maxBytes: number;
  /** Least recently used first. */
  private readonly states = new Map<UserId, Buffer>();
  private used = 0;

  /** @param maxBytes 0 keeps none */
  constructor(limits: StateLimits, maxBytes: number) {
    this.limits = limits;
    this.maxBytes = maxBytes;
  }

  get size(): number {
    return this.states.size;
  }

  get bytes(): number {
    return this.used;
  }

  get(user: UserId): UserState | undefined {
    const bytes = this.states.get(user);
    if (bytes === undefined) return undefined;
    this.states.delete(user);
    this.states.set(user, bytes);
    return decodeState(user, bytes);
  }

  /** Takes the state where there is none of its user; where there is one, it is the same, and now the latest used. */
  keep(state: UserState): void {
    const known = this.states.get(state.user);
    const bytes = known ?? alone(encodeState(state));
    this.put(state.user, bytes);
    this.shrink();
  }

  /** Brings the copy of `user`, if there is one, up to date. */
  change(user: UserId, change: UserChange): void {
    const before = this.states.get(user);
    if (before === undefined) return;
    const longer =
      change.erasedAt === -Infinity ? appendTouches(before, change.touches, this.limits) : undefined;
    const after = longer ?? this.changed(user, before, change);
    if (after === before) return;
    // In its place of the order: that others do something with a user does not make a request come.
    this.used += after.length - before.length;
    this.states.set(user, alone(after));
    this.shrink();
  }

  private changed(user: UserId, before: Buffer, change: UserChange): Buffer {
    const state = decodeState(user, before);
    const after = changeState(state, change, this.limits);
    return after === state ? before : encodeState(after);
  }

  private put(user: UserId, bytes: Buffer): void {
    this.remove(user);
    this.states.set(user, bytes);
    this.used += bytes.length + ENTRY_BYTES;
  }

  private remove(user: UserId): void {
    const bytes = this.states.get(user);
    if (bytes === undefined) return;
    this.states.delete(user);
    this.used -= bytes.length + ENTRY_BYTES;
  }

  private shrink(): void {
    for (const user of this.states.keys()) {
      if (this.used <= this.maxBytes) return;
      this.remove(user);
    }
  }
}

/** The same bytes in memory of their own: a small buffer is a piece of a pool, and would keep all of it. */
function alone(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
