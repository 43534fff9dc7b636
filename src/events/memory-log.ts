/** The log in memory: the contract of event-log.ts in its plainest form, for tests and throw-away instances. */
import { type EventId, type Offset, UpnextError } from "../core/index.ts";
import type { Event } from "./event.ts";
import type { AppendResult, EventLog, LoggedEvent } from "./event-log.ts";

/** Events of one batch of `read`; the same order of size as the file log's. */
const BATCH = 2048;

/** A log that lives as long as the object. */
export function memoryLog(): EventLog {
  const events: Event[] = [];
  const ids = new Set<EventId>();
  let closed = false;

  async function append(added: readonly Event[]): Promise<AppendResult> {
    if (closed) throw new UpnextError("log_closed", "log: append after close. Open the log again.");
    let accepted = 0;
    for (const event of added) {
      if (ids.has(event.id)) continue;
      ids.add(event.id);
      events.push(event);
      accepted++;
    }
    return { offset: events.length as Offset, accepted, duplicates: added.length - accepted };
  }

  async function* read(from: number, end: number): AsyncGenerator<readonly LoggedEvent[]> {
    if (closed) throw new UpnextError("log_closed", "log: read after close. Open the log again.");
    for (let start = Math.max(0, from); start < end; start += BATCH) {
      const batch = events.slice(start, Math.min(end, start + BATCH));
      yield batch.map((event, index) => ({ offset: (start + index) as Offset, event }));
    }
  }

  return {
    first: 0 as Offset,
    get end() {
      return events.length as Offset;
    },
    append,
    read: (from) => read(from, events.length),
    async close() {
      closed = true;
    },
  };
}
