/** The event log: durable, ordered, append-only. Everything else in the system is a fold of it. */
import type { Offset } from "../core/index.ts";
import type { Event, StoredEvent } from "./event.ts";

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
  readonly event: StoredEvent;
}

export interface EventLog {
  /** Offset of the first event that is still there; 0 as long as retention has dropped nothing. */
  readonly first: Offset;
  /** One more than the offset of the newest durable event; the offset that the next one gets. */
  readonly end: Offset;
  /**
   * Appends valid events in order. Resolves when they are durable; rejects with `log_unavailable` when that cannot
   * be promised, and with `log_busy` when too much waits already; then none of the call's events is acknowledged.
   * Duplicates by id are skipped and counted.
   */
  append(events: readonly Event[]): Promise<AppendResult>;
  /**
   * Durable events with `from <= offset`, in order, in batches of the log's choosing, up to the end as it was when
   * reading began. May be called while appends go on, and from a read-only instance in another process. Where `from`
   * lies before `first`, reading begins at `first`: whoever needs what was before starts from a snapshot.
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
