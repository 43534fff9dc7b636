/** The event log: durable, ordered, append-only. Everything else in the system is a fold of it. */
import type { Offset } from "../core/index.ts";
import type { Event } from "./event.ts";

export interface AppendResult {
  /** The log's end once all of these events are in it: a reader that has applied everything below has seen them. */
  readonly offset: Offset;
  /** Events that were new. */
  readonly accepted: number;
  /** Events whose id was already in the log, or earlier in the same call. */
  readonly duplicates: number;
}

export interface LoggedEvent {
  readonly offset: Offset;
  readonly event: Event;
}

export interface EventLog {
  /** Number of durable events; the offset that the next one gets. */
  readonly end: Offset;
  /**
   * Appends valid events in order. Resolves when they are durable; rejects with `log_unavailable` when that cannot
   * be promised, and then none of the call's events is acknowledged. Duplicates by id are skipped and counted.
   */
  append(events: readonly Event[]): Promise<AppendResult>;
  /**
   * Durable events with `from <= offset`, in order, in batches of the log's choosing, up to the end as it was when
   * reading began. May be called while appends go on, and from a read-only instance in another process.
   */
  read(from: Offset): AsyncIterable<readonly LoggedEvent[]>;
  /** Waits for appends under way; later calls reject with `log_closed`. May be called twice. */
  close(): Promise<void>;
}

/** A fold consumes the log in order. Applying the same events again must change nothing. */
export interface Fold {
  /** Name for messages and metrics. */
  readonly name: string;
  apply(batch: readonly LoggedEvent[]): void | Promise<void>;
}
