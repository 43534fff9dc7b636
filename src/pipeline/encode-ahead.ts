/**
 * Encodes users when their events have been applied, so that their next request finds it done: one at a time, while no
 * request waits for a thread. What does not get its turn is encoded by the request.
 */
import { setImmediate } from "node:timers/promises";
import type { Catalog } from "../catalog/index.ts";
import type { Clock, Ms, UserId } from "../core/index.ts";
import { withoutExpired } from "../state/index.ts";
import type { EncodingCache } from "./encoding-cache.ts";
import type { StateRead } from "./follower.ts";
import type { ModelsInService } from "./in-service.ts";
import { encodeState } from "./read-user.ts";
import type { ServingModels } from "./serving-models.ts";

export interface AheadParts {
  readonly cache: EncodingCache;
  readonly serving: ModelsInService;
  /** What answers a user whom an experiment gives another bundle; undefined where that in service does. */
  readonly modelsOf: (user: UserId) => ServingModels | undefined;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly maxAge?: Ms;
  readonly read: (user: UserId) => Promise<StateRead>;
  /** Whether nobody waits for what encoding takes. */
  readonly idle: () => boolean;
}

/** Users that wait; the oldest are left out. */
const MOST_WAITING = 1_000;
/** Of an import, only those who have asked for something are encoded (guess: live events come in smaller batches). */
const LIVE_USERS = 64;

export class EncodeAhead {
  private readonly parts: AheadParts;
  private readonly waiting = new Set<UserId>();
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(parts: AheadParts) {
    this.parts = parts;
  }

  /** Users of events that were applied just now. */
  applied(users: ReadonlySet<UserId>): void {
    if (this.closed || !this.parts.serving.models.sources.some(({ retriever }) => retriever.encode)) return;
    for (const user of users) {
      if (users.size > LIVE_USERS && !this.parts.cache.has(user)) continue;
      this.waiting.delete(user);
      this.waiting.add(user);
    }
    for (const user of this.waiting) {
      if (this.waiting.size <= MOST_WAITING) break;
      this.waiting.delete(user);
    }
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
  }

  /** Resolves when nobody waits to be encoded any more. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.waiting.clear();
    await this.settled();
  }

  private async run(): Promise<void> {
    // Events come in bursts: a user is encoded once after each.
    await setImmediate();
    for (const user of this.waiting) {
      this.waiting.delete(user);
      // A request that comes encodes by itself, and its user is among the first to be known then.
      if (this.parts.idle()) await this.encode(user).catch(() => {});
      await setImmediate();
    }
  }

  private encode(user: UserId): Promise<void> {
    const { cache, serving, modelsOf, catalog, clock, maxAge, read } = this.parts;
    return serving.use(async (models) => {
      const found = await read(user);
      try {
        const now = clock.now();
        const state = withoutExpired(found.state, maxAge === undefined ? {} : { maxAge }, now);
        const keep = { cache, stale: () => found.stale(), ahead: true };
        await encodeState(models.sources, state, catalog, now, Number.POSITIVE_INFINITY, keep);
      } finally {
        found.release();
      }
    }, modelsOf(user));
  }
}
