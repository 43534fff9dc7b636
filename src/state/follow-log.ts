/** Bringing a store up to the log beside the process that writes it. */
import { type Offset, type Progress, silent, UpnextError, type UserId } from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import { addChanges, changesOf, type UserChange } from "./fold-batch.ts";
import type { StateStore } from "./state-store.ts";

/** A log that is open for reading; `refresh` tells what its writer has added since. */
export type FollowedLog = Pick<FileLog, "first" | "end" | "read" | "refresh">;

/** Applies to `store` everything that the log has now. Resolves with the offset up to which that is. */
export async function catchUp(
  store: StateStore,
  log: FollowedLog,
  progress: Progress = silent,
): Promise<Offset> {
  await log.refresh();
  mustReach(log, store.applied, store.name);
  for await (const batch of log.read(store.applied)) {
    await store.apply(batch);
    progress.update(store.applied);
  }
  return store.applied;
}

/**
 * What the log says of users between the offset that a store has applied and one up to which it is looked at. What was
 * read stays as long as the store has not moved on.
 */
export class LogTail {
  private readonly log: FollowedLog;
  private users = new Map<UserId, UserChange>();
  private from = 0;
  private to = 0;

  constructor(log: FollowedLog) {
    this.log = log;
  }

  /** The changes of the events with `from <= offset < to`; `to` only rises from one call to the next. */
  async between(from: Offset, to: Offset, store: string): Promise<ReadonlyMap<UserId, UserChange>> {
    if (from !== this.from) {
      this.users = new Map();
      this.from = from;
      this.to = from;
    }
    if (this.to >= to) return this.users;
    mustReach(this.log, this.to, store);
    for await (const batch of this.log.read(this.to as Offset)) {
      const events = batch.filter(({ offset }) => offset < to);
      const { users, applied } = changesOf(events, this.to as Offset);
      addChanges(this.users, users);
      this.to = applied;
      if (applied === to) break;
    }
    return this.users;
  }
}

function mustReach(log: FollowedLog, applied: number, store: string): void {
  if (applied >= log.first) return;
  throw new UpnextError(
    "store_unavailable",
    `${store} state store: expected events up to ${log.first} to be applied, for the log has dropped those before, and it has ${applied}. Start the server on this store once: it fills it from the newest snapshot.`,
  );
}
