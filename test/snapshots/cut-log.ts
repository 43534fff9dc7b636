/** A log whose beginning retention has dropped. */
import type { Offset } from "../../src/core/index.ts";
import type { EventLog, LoggedEvent } from "../../src/events/index.ts";

/** The events from `first` on, of a log that had all of these. */
export function cutLog(events: readonly LoggedEvent[], first = 0): EventLog {
  return {
    first: first as Offset,
    end: events.length as Offset,
    append: () => Promise.reject(new Error("this log is only read")),
    async *read(from) {
      for (let at = Math.max(from, first); at < events.length; at += 100) yield events.slice(at, at + 100);
    },
    close: async () => {},
  };
}
