/**
 * Brings a store to where the log was applied, and fills it again where it was lost.
 *
 * The log is the queue: what a store lacks is read from there, from the store's own `applied` on, so a process that
 * ends, a store that fails and a batch that is sent twice lose nothing and double nothing.
 */
import { UpnextError } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import type { Overlay } from "./near-overlay.ts";
import type { StateStore } from "./state-store.ts";
import { type BaseStates, fillFromBase } from "./write-states.ts";

/** Events that a store takes at once. Measured with Redis: a third faster than 256, and more of them block longer. */
const BATCH_EVENTS = 1024;

export class WriteBehind {
  private readonly store: StateStore;
  private readonly log: Pick<EventLog, "first" | "read">;
  private readonly overlay: Overlay;
  private readonly base: (() => Promise<BaseStates | undefined>) | undefined;

  constructor(
    store: StateStore,
    log: Pick<EventLog, "first" | "read">,
    overlay: Overlay,
    base: (() => Promise<BaseStates | undefined>) | undefined,
  ) {
    this.store = store;
    this.log = log;
    this.overlay = overlay;
    this.base = base;
  }

  /**
   * Writes what the store lacks now, and calls `confirmed` each time that it has more. Rejects where that fails; the
   * next call goes on from there.
   */
  async flush(confirmed: () => void): Promise<void> {
    const { store, log, overlay } = this;
    if (overlay.lost || store.applied < log.first) await this.fill();
    const { losses } = overlay;
    for await (const batch of log.read(store.applied)) {
      for (let start = 0; start < batch.length; start += BATCH_EVENTS) {
        // Nothing is written that was not applied here.
        const part = batch
          .slice(start, start + BATCH_EVENTS)
          .filter(({ offset }) => offset < overlay.applied);
        // Where retention was quicker, the next call fills the store.
        if (part.length === 0 || part[0]!.offset > store.applied) return;
        await store.apply(part);
        if (overlay.losses > losses) return;
        overlay.confirm(store.applied);
        confirmed();
      }
    }
  }

  /** Makes the store as new, and puts there what the log does not have any more. */
  private async fill(): Promise<void> {
    const { store, log, overlay } = this;
    const base = log.first > 0 ? await this.base?.() : undefined;
    if (log.first > 0 && (base === undefined || base.offset < log.first)) {
      throw new UpnextError(
        "store_unavailable",
        `${store.name} state store: it has to be filled again, and the log begins at offset ${log.first}; expected a base snapshot from there on, ${base === undefined ? "there is none" : `got one of ${base.offset}`}. Restore the directory from a backup.`,
      );
    }
    if (!overlay.lost) overlay.lose();
    const { losses } = overlay;
    if (base === undefined) await store.clear();
    else await fillFromBase(store, base);
    // While the log is gone through at a start, the base may be ahead of what was applied.
    if (overlay.losses === losses) overlay.confirm(store.applied);
  }
}
