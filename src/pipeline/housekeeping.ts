/**
 * What a writer does beside its work: snapshots now and then, so that the next start is short; retention, so that the
 * log does not grow for ever; erasures that an earlier process could not carry out to the end.
 */
import type { Catalog } from "../catalog/index.ts";
import { type Clock, type EpochMs, type Ms, type Offset, UpnextError } from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import type { Snapshots } from "../snapshots/index.ts";
import type { UserState } from "../state/index.ts";
import type { Erasures } from "./erasure.ts";

export interface Retention {
  readonly maxAge?: Ms;
  readonly maxBytes?: number;
}

export interface HousekeepingParts {
  readonly log: FileLog;
  readonly catalog: Catalog;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly retention: Retention;
  readonly erasures: Erasures;
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** The states of all users, each with at least every event before `from`. */
  readonly states: (from: Offset) => AsyncIterable<UserState>;
}

const LOOK_MS = 10_000;
/** Events that a start has to read at most: some seconds (guess; what a snapshot saves: `npm run bench -- snapshots`). */
const SNAPSHOT_EVENTS = 500_000;
/** A process that ends leaves no more than this to read. */
const CLOSING_EVENTS = 20_000;
/** The newest, and one before it should that be damaged. */
const KEPT = 2;

export class Housekeeping {
  private readonly parts: HousekeepingParts;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private lastSnapshot: number;
  private failure: string | null = null;

  private constructor(parts: HousekeepingParts, lastSnapshot: number) {
    this.parts = parts;
    this.lastSnapshot = lastSnapshot;
  }

  static async begin(parts: HousekeepingParts): Promise<Housekeeping> {
    const newest = await parts.snapshots.newest();
    const keeper = new Housekeeping(parts, newest?.offset ?? 0);
    keeper.timer = setInterval(() => void keeper.look().catch(() => {}), LOOK_MS).unref();
    void keeper.look().catch(() => {});
    return keeper;
  }

  /** Why the last round did not come to its end; null where it did. */
  get problem(): string | null {
    return this.failure;
  }

  /** One round, now; shared by those who ask meanwhile. */
  look(): Promise<void> {
    this.looking ??= this.round()
      .then(
        () => {
          this.failure = null;
        },
        (error: unknown) => {
          this.failure = error instanceof Error ? error.message : String(error);
          throw error;
        },
      )
      .finally(() => {
        this.looking = undefined;
      });
    return this.looking;
  }

  /** Waits for what is under way; leaves a snapshot where much would have to be read. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking?.catch(() => {});
    if (this.behind < CLOSING_EVENTS) return;
    // Without it the next start is longer, and nothing is lost.
    await this.snapshot().catch(() => {});
  }

  private get behind(): number {
    return this.parts.catalog.applied - this.lastSnapshot;
  }

  private async round(): Promise<void> {
    await this.parts.erasures.resume();
    if (this.behind >= SNAPSHOT_EVENTS) await this.snapshot();
    await this.retain();
  }

  private snapshot(): Promise<void> {
    const { alone, snapshots, catalog } = this.parts;
    return alone(async () => {
      const { offset } = await snapshots.write({ catalog });
      this.lastSnapshot = offset;
      await snapshots.prune(KEPT);
    });
  }

  /** Drops what is too old or too much, once a snapshot holds what may be needed of it. */
  private async retain(): Promise<void> {
    const { alone, log, snapshots, catalog, states } = this.parts;
    if ((await this.surplus()) <= log.first) return;
    await alone(async () => {
      const cut = await this.surplus();
      if (cut <= log.first) return;
      // A store takes events before the catalog does, and none that the log does not have.
      const { offset } = await snapshots.write({ catalog, states: { through: () => log.end, each: states } });
      this.lastSnapshot = offset;
      // Read back: what is dropped now is nowhere else.
      const base = await snapshots.base({ from: Math.min(cut, offset) as Offset });
      if (base === undefined) {
        throw new UpnextError(
          "snapshot_corrupt",
          `retention: expected the snapshot at event ${offset} to be as it was written, it is not; nothing was dropped. Look at the disk.`,
        );
      }
      await log.dropBefore(Math.min(cut, base.offset) as Offset);
      await snapshots.prune(KEPT);
    });
  }

  /** The end of the last segment that retention does not keep; `log.first` where it keeps all. */
  private async surplus(): Promise<Offset> {
    const { log, clock, retention } = this.parts;
    const { maxAge = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = retention;
    if (maxAge === Number.POSITIVE_INFINITY && maxBytes === Number.POSITIVE_INFINITY) return log.first;
    const newest = maxAge === Number.POSITIVE_INFINITY ? new Map<Offset, EpochMs>() : await log.newestTimes();
    const { segments } = log;
    let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    let cut = log.first;
    for (const { base, end, bytes: own, sealed } of segments) {
      const expired = (newest.get(base) ?? Number.POSITIVE_INFINITY) <= clock.now() - maxAge;
      if (!sealed || !(expired || bytes > maxBytes)) break;
      bytes -= own;
      cut = end;
    }
    return cut;
  }
}

/** Makes works take turns, in the order in which they came; one that fails does not keep the next from running. */
export function takingTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  };
}
