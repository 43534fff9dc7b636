/** How events come in and take effect: into the log once they are durable, from there into states and catalog. */
import type { Catalog } from "../catalog/index.ts";
import { type Offset, type Progress, UpnextError, type UserId } from "../core/index.ts";
import type { AppendClient, Event, FileLog } from "../events/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import { type ErasureReceipt, Follower, type StateRead, type TrackResult } from "../pipeline/index.ts";
import type { UserState } from "../state/index.ts";
import type { Role, States } from "./states.ts";

export interface IntakeParts {
  readonly role: Role;
  readonly log: FileLog;
  /** Where a replica's events go. */
  readonly writer: AppendClient<TrackResult, ErasureReceipt> | undefined;
  readonly states: States;
  readonly catalog: Catalog;
  readonly metrics: Metrics | undefined;
}

export class Intake {
  /** Why what the log says does not take effect; null where it does. */
  problem: string | null = null;
  private readonly parts: IntakeParts;
  private readonly follower: Follower;
  /** Events on their way into the log. */
  private readonly pending = new Set<Promise<unknown>>();

  /** @param onApplied whose events have taken effect, and who was erased */
  constructor(
    parts: IntakeParts,
    onApplied: (users: ReadonlySet<UserId>, gone: ReadonlySet<UserId>) => void,
  ) {
    this.parts = parts;
    this.follower = new Follower(parts.log, parts.catalog, parts.states, onApplied);
  }

  /** The state of a user, as of what has taken effect. */
  read(user: UserId): Promise<StateRead> {
    return this.follower.read(user);
  }

  state(user: UserId): Promise<UserState> {
    return this.follower.state(user);
  }

  /** Resolves when the events are durable and have taken effect. */
  append(events: readonly Event[]): Promise<TrackResult> {
    const appended = this.appendAndApply(events);
    this.later(appended);
    return appended;
  }

  /** The answer is out already: what fails here is counted, not thrown at anybody. */
  appendLater(event: Event): void {
    this.append([event]).catch(() => this.parts.metrics?.countStateError("impression"));
  }

  /** Makes durable what does not belong to somebody who was forgotten since it happened. */
  async appendTaken(events: readonly Event[]): Promise<TrackResult> {
    const { erasures } = this.parts.catalog;
    const taken =
      erasures.size === 0
        ? events
        : events.filter((event) => {
            const user = "user" in event && event.kind !== "erasure" ? event.user : undefined;
            return user === undefined || event.time > (erasures.get(user) ?? -Infinity);
          });
    const { log, writer } = this.parts;
    const forgotten = events.length - taken.length;
    if (writer === undefined) return { ...(await log.append(taken)), forgotten };
    // The writer may know of erasures that this process has not read yet.
    const result = await writer.append(taken);
    return { ...result, forgotten: forgotten + result.forgotten };
  }

  /** Lets everything before `offset` take effect. */
  async apply(offset: Offset, progress?: Progress): Promise<void> {
    try {
      await this.follower.reached(offset, progress);
      this.problem = null;
    } catch (cause) {
      this.problem = cause instanceof Error ? cause.message : String(cause);
      this.parts.metrics?.countStateError("apply");
      throw cause;
    }
  }

  /**
   * Waits until everything before `after` has taken effect; beside a writer, everything that it has made durable.
   * Rejects with `offset_ahead` where the log does not reach so far.
   */
  async reflects(after: Offset | undefined): Promise<void> {
    const { log, role } = this.parts;
    if (role !== "writer") await log.refresh();
    if (after !== undefined && after > log.end) {
      throw new UpnextError(
        "offset_ahead",
        `after: expected an offset up to the log's end ${log.end}, got ${after}; use the offset that track returned`,
      );
    }
    const wanted = role === "writer" ? after : log.end;
    if (wanted !== undefined) await this.apply(wanted);
  }

  /** Resolves when nothing is on its way any more of what was when it was called. */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
  }

  private async appendAndApply(events: readonly Event[]): Promise<TrackResult> {
    const result = await this.appendTaken(events);
    this.parts.metrics?.observeAppend(result);
    await this.reflects(result.offset);
    return result;
  }

  /** How `work` ends is the business of others. */
  private later(work: Promise<unknown>): void {
    const gone = () => void this.pending.delete(done);
    const done: Promise<void> = work.then(gone, gone);
    this.pending.add(done);
  }
}
