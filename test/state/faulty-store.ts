/** The memory store behind faults that a test switches on: what a network and a server on the other side can do. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Offset, UpnextError } from "../../src/core/index.ts";
import type { LoggedEvent } from "../../src/events/index.ts";
import { memoryStore, type StateLimits, type StateStore } from "../../src/state/index.ts";

export class FaultyStore implements StateStore {
  readonly name = "faulty";
  readonly remote = true;
  readonly limits: StateLimits;
  /** Milliseconds until a call is done, and again as many until its answer is here. */
  delay: () => number = () => 0;
  /** Calls that come now fail. */
  failing = false;
  /** A batch that fails has reached some users. */
  torn = false;
  calls = { read: 0, apply: 0, readApplied: 0, clear: 0 };
  /** Sizes of the batches that were applied. */
  readonly batches: number[] = [];
  private inner: StateStore;
  private lost = false;
  /** While it hangs: what lets the calls go on. */
  private gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  constructor(limits: StateLimits, more: Parameters<typeof memoryStore>[0] = {}) {
    this.limits = limits;
    this.inner = memoryStore({ ...more, limits });
  }

  /** One that has these events already. */
  static async holding(limits: StateLimits, events: readonly LoggedEvent[]): Promise<FaultyStore> {
    const store = new FaultyStore(limits);
    await store.apply(events);
    return store;
  }

  /** What is really in it. */
  get contents(): StateStore {
    return this.inner;
  }

  /** As of the last call that ended well: a loss does not announce itself. */
  applied = 0 as Offset;

  /** From now on nothing is answered, until `goOn`. */
  hang(): void {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.gate ??= { opened, open };
  }

  goOn(): void {
    this.gate?.open();
    this.gate = undefined;
  }

  /** Comes back with nothing in it. */
  lose(): void {
    this.inner = memoryStore({ limits: this.limits });
    this.lost = true;
  }

  read: StateStore["read"] = (user) => {
    this.calls.read++;
    return this.call(() => this.inner.read(user));
  };

  write: StateStore["write"] = (batch) => this.call(() => this.inner.write(batch));
  erase: StateStore["erase"] = (user, time) => this.call(() => this.inner.erase(user, time));
  skipTo: StateStore["skipTo"] = (offset) => this.call(() => this.inner.skipTo(offset));

  apply: StateStore["apply"] = (batch) => {
    this.calls.apply++;
    this.batches.push(batch.length);
    return this.call(
      () => this.inner.apply(batch),
      () => this.tear(batch),
    );
  };

  readApplied: StateStore["readApplied"] = () => {
    this.calls.readApplied++;
    return this.call(() => this.inner.readApplied());
  };

  clear: StateStore["clear"] = () => {
    this.calls.clear++;
    return this.call(
      async () => {
        await this.inner.clear();
        this.lost = false;
      },
      async () => {},
      true,
    );
  };

  users(): ReturnType<StateStore["users"]> {
    return this.inner.users();
  }

  async close(): Promise<void> {
    this.goOn();
    await this.inner.close();
  }

  private async call<T>(run: () => Promise<T>, onFailure = async () => {}, evenLost = false): Promise<T> {
    await this.dawdle();
    if (this.failing) {
      await onFailure();
      throw new UpnextError("store_unavailable", "faulty state store: connection refused");
    }
    if (this.lost && !evenLost) throw new UpnextError("store_lost", "faulty state store: it is empty");
    const result = await run();
    this.applied = this.inner.applied;
    await this.dawdle();
    return result;
  }

  private async dawdle(): Promise<void> {
    await this.gate?.opened;
    const ms = this.delay();
    if (ms > 0) await sleep(ms);
  }

  private async tear(batch: readonly LoggedEvent[]): Promise<void> {
    if (!this.torn || this.lost) return;
    const users = new Set<string>();
    const kept = batch.filter(({ event }) => {
      if (!("user" in event)) return false;
      users.add(event.user);
      return users.size % 2 === 1;
    });
    for (const { event } of kept) {
      if (event.kind === "erasure") await this.inner.erase(event.user, event.time);
      if (event.kind !== "interaction") continue;
      const { id, item, type, time, value = Number.NaN } = event;
      await this.inner.write([{ user: event.user, touches: [{ id, item, type, value, time }] }]);
    }
  }
}
