/**
 * Forgetting a user for good. The erasure is an event: once it is durable, no answer and no training reflects the user,
 * whatever happens next. Carrying it out takes the user's bytes out of the files too: the log is compacted, snapshots
 * are written anew. That may be interrupted at any moment; the log knows up to which erasure it was done, and the next
 * start goes on.
 */
import { rm } from "node:fs/promises";
import type { Catalog } from "../catalog/index.ts";
import type { BundleId, UserId } from "../core/index.ts";
import type { Compaction, FileLog } from "../events/index.ts";
import type { Registry } from "../registry/index.ts";
import type { Snapshots } from "../snapshots/index.ts";

export interface ErasureParts {
  readonly log: FileLog;
  readonly catalog: Catalog;
  readonly snapshots: Snapshots;
  readonly registry: Registry;
  /** What a stopped training left to go on from: it has seen the users. */
  readonly checkpoints: string;
  /** Runs `work` alone: compaction, snapshots and retention take turns. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What carrying out some erasures did. */
export interface CarriedOut {
  readonly compaction: Compaction;
  /** Snapshots that were written anew or removed. */
  readonly snapshots: number;
}

export class Erasures {
  private readonly parts: ErasureParts;
  /** Forgotten since the last round. */
  private waiting = new Map<UserId, number>();
  private round: Promise<CarriedOut> | undefined;

  constructor(parts: ErasureParts) {
    this.parts = parts;
  }

  /** Whether an erasure of the log was not carried out yet. */
  get pending(): boolean {
    return this.parts.catalog.erasedThrough > this.parts.log.compactedThrough;
  }

  /** Carries out an erasure that is in the log and in the catalog; those that come together share one round. */
  carryOut(user: UserId, time: number): Promise<CarriedOut> {
    this.waiting.set(user, Math.max(time, this.waiting.get(user) ?? -Infinity));
    return this.next();
  }

  /** Carries out what an earlier process has left. */
  async resume(): Promise<void> {
    if (!this.pending) return;
    // Which of them are done is not known one by one: those that are change nothing.
    for (const [user, time] of this.parts.catalog.erasures) this.waiting.set(user, time);
    await this.next();
  }

  /** Bundles that were trained when the first of these events was in the log, and so may reflect them. */
  async bundlesSince(firstOffset: number): Promise<readonly BundleId[]> {
    const bundles = await this.parts.registry.list();
    return bundles.filter(({ logOffset }) => logOffset > firstOffset).map(({ id }) => id);
  }

  /** The round that begins after the one under way. */
  private next(): Promise<CarriedOut> {
    this.round ??= this.parts.alone(async () => {
      this.round = undefined;
      const users = this.waiting;
      this.waiting = new Map();
      try {
        return await this.run(users);
      } catch (error) {
        for (const [user, time] of users) if (!this.waiting.has(user)) this.waiting.set(user, time);
        throw error;
      }
    });
    return this.round;
  }

  /** The log last: as long as `compactedThrough` lags behind, all of this is done again. */
  private async run(users: ReadonlyMap<UserId, number>): Promise<CarriedOut> {
    const { log, catalog, snapshots, checkpoints } = this.parts;
    const through = catalog.erasedThrough;
    await rm(checkpoints, { recursive: true, force: true });
    const written = await snapshots.forget(users);
    return { snapshots: written, compaction: await log.compact(users, through) };
  }
}
