/**
 * User facts, and the erasures that they must respect.
 *
 * The newest upsert by its own time holds (of two with one time, the later in the log). With an order by time, an
 * erasure means the same wherever it stands in the log: facts at or before it do not exist, late ones included.
 */
import type { UserId } from "../core/index.ts";
import type { UserFacts } from "../events/index.ts";

export interface DatedFacts {
  readonly facts: UserFacts;
  readonly time: number;
}

/** The table as it was at a moment, as columns. */
export interface CopiedUsers {
  readonly users: readonly UserId[];
  /** (users) */
  readonly facts: readonly DatedFacts[];
  readonly erased: readonly UserId[];
  /** (erased) EpochMs */
  readonly erasedAt: readonly number[];
}

export class UserTable {
  readonly facts = new Map<UserId, DatedFacts>();
  readonly erasures = new Map<UserId, number>();

  upsert(user: UserId, facts: UserFacts, time: number): void {
    if (time <= (this.erasures.get(user) ?? -Infinity)) return;
    const held = this.facts.get(user);
    if (held === undefined || time >= held.time) this.facts.set(user, { facts, time });
  }

  erase(user: UserId, time: number): void {
    if (time > (this.erasures.get(user) ?? -Infinity)) this.erasures.set(user, time);
    const held = this.facts.get(user);
    if (held !== undefined && held.time <= time) this.facts.delete(user);
  }

  copy(): CopiedUsers {
    return {
      users: [...this.facts.keys()],
      facts: [...this.facts.values()],
      erased: [...this.erasures.keys()],
      erasedAt: [...this.erasures.values()],
    };
  }
}
