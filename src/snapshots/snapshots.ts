/**
 * Snapshots: the folds of the log at a moment, so that start-up reads the log from there on and not from its beginning,
 * and so that retention may drop what lies before.
 *
 * A snapshot always has the catalog. One that has the user states too is a **base**: whoever needs the past can begin
 * with it. None is ever needed that the log has not been read for, and a damaged one is never used: who starts falls
 * back to an older one, or to the log's beginning where that is still there.
 */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, Offset, UserId } from "../core/index.ts";
import type { UserState } from "../state/index.ts";

export interface Snapshot {
  readonly path: string;
  /** The catalog in it is that of every event before this offset. */
  readonly offset: Offset;
  /**
   * States in it are at least those of `offset` and at most those of this offset, since serving went on while they were
   * written: with the events from `offset` on they are exact at any offset from this one on. null where it has none.
   */
  readonly statesThrough: Offset | null;
  readonly bytes: number;
  readonly createdAt: EpochMs;
  /** A catalog of the caller's own. Rejects with `snapshot_corrupt`. */
  catalog(): Promise<Catalog>;
  /**
   * Every user of whom something was held, a remembered erasure included. Throws `snapshot_corrupt`, where the file is
   * damaged or there are no states in it, before the first state is given out.
   */
  states(): AsyncIterable<UserState>;
}

/** Which snapshots the caller can use. */
export interface Wanted {
  /** `offset` is at least this: the log's `first`, or events between the two are missing. */
  readonly from?: Offset;
  /** `offset` and `statesThrough` are at most this: the log's `end`, or the moment that is to be computed again. */
  readonly through?: Offset;
}

export interface SnapshotParts {
  readonly catalog: Catalog;
  /** Makes it a base. */
  readonly states?: {
    /**
     * Read after the catalog was copied.
     *
     * @param from the catalog's offset: every event before it must be in the states that are given out
     */
    each(from: Offset): AsyncIterable<UserState>;
    /** Asked when all states were read: no event from this offset on is in them. The log's end is always right. */
    through(): Offset;
  };
}

/** One writer at a time, that of the log; readers in other processes may look on. */
export interface Snapshots {
  /** Newest first. Damaged ones, and those of another log, are left out and named in `damaged`. */
  list(): Promise<readonly Snapshot[]>;
  /** What the last look at the directory left out, by path: why, in words. */
  readonly damaged: ReadonlyMap<string, string>;
  /** The newest whose catalog is whole. */
  newest(wanted?: Wanted): Promise<Snapshot | undefined>;
  /** The newest with states that is whole. */
  base(wanted?: Wanted): Promise<Snapshot | undefined>;
  /**
   * Writes a snapshot of the catalog as it is when its turn has come: what this instance is changing already is done
   * first. Durable when it resolves. Where a whole one of the same offset, with states if they are given, is
   * there already, nothing is written and that one is returned.
   */
  write(parts: SnapshotParts): Promise<Snapshot>;
  /**
   * After an erasure, when catalog and states have it: no snapshot holds anything of these users at or before the time
   * beside their id, a remembered erasure's. Those that cannot be read are removed, since nobody can say what they
   * hold. Returns how many were written anew or removed. Where it was killed in the middle it may be run again, and
   * then does what is left.
   */
  forget(erasures: ReadonlyMap<UserId, number>): Promise<number>;
  /**
   * Removes all but the newest `keep`, and damaged ones. The newest whole base stays, however old it is: the log may be
   * cut off below it, and nobody has to say so.
   */
  prune(keep: number): Promise<void>;
  /** Reads everything in every file. Problems in words, each naming its file; empty where there are none. */
  verify(): Promise<readonly string[]>;
}
