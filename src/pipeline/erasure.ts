/**
 * Forgetting a user for good. The erasure is an event: once it is durable, no answer and no training reflects the user,
 * whatever happens next. Carrying it out takes the user's bytes out of the files too: the log is compacted, snapshots
 * are written anew. That may be interrupted at any moment; the log knows up to which erasure it was done, and the next
 * start goes on.
 */
import { rm } from "node:fs/promises";
import type { Catalog } from "../catalog/index.ts";
import type { BundleId } from "../core/index.ts";
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
  private round: Promise<CarriedOut> | undefined;

  constructor(parts: ErasureParts) {
    this.parts = parts;
  }

  /** Carries out every erasure that is in the catalog by now; those that come together share one round. */
  carryOut(): Promise<CarriedOut> {
    this.round ??= this.parts.alone(() => {
      // Who comes from here on may have an erasure that this round does not see.
      this.round = undefined;
      return this.run();
    });
    return this.round;
  }

  /** Carries out what an earlier process has left, or what came as an event. */
  async resume(): Promise<void> {
    const { catalog, log } = this.parts;
    if (catalog.erasedThrough > log.compactedThrough) await this.carryOut();
  }

  /** Bundles that were trained when the event at `firstOffset` was in the log, and so may reflect it. */
  async bundlesSince(firstOffset: number): Promise<readonly BundleId[]> {
    const bundles = await this.parts.registry.list();
    return bundles.filter(({ manifest }) => manifest.logOffset > firstOffset).map(({ id }) => id);
  }

  /**
   * All erasures each time, for looking for a thousand users costs what looking for one does: so events that came late,
   * or out of a backup, are found too. The log last: as long as `compactedThrough` lags behind, all of it is done again.
   */
  private async run(): Promise<CarriedOut> {
    const { log, catalog, snapshots, checkpoints } = this.parts;
    const through = catalog.erasedThrough;
    const erasures = new Map(catalog.erasures);
    await rm(checkpoints, { recursive: true, force: true });
    const written = await snapshots.forget(erasures);
    return { snapshots: written, compaction: await log.compact(erasures, through) };
  }
}
