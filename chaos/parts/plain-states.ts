/**
 * User state in plain words, as slow and as simple as it gets: keep everything that ever came, and work out at the end
 * what of it is left. It shares no code with the stores that it judges.
 */

import type { LoggedEvent } from "../../src/events/index.ts";
import type { StateStore, Touch, UserState } from "../../src/state/index.ts";

const VETOES: readonly string[] = ["dislike", "hide", "block"];

interface Everything {
  /** By id: a repetition changes nothing. */
  readonly touches: Map<string, Touch>;
  readonly erasures: number[];
}

export class PlainStates {
  private readonly users = new Map<string, Everything>();
  private readonly limits: { readonly touches: number; readonly vetoes: number };

  constructor(limits: { readonly touches: number; readonly vetoes: number }) {
    this.limits = limits;
  }

  get size(): number {
    return this.users.size;
  }

  touch(user: string, touch: Touch): void {
    this.of(user).touches.set(touch.id, touch);
  }

  erase(user: string, time: number): void {
    this.of(user).erasures.push(time);
  }

  apply(events: readonly LoggedEvent[]): void {
    for (const { event } of events) {
      if (event.kind === "erasure") this.erase(event.user, event.time);
      if (event.kind !== "interaction") continue;
      const { id, item, type, time, value = Number.NaN } = event;
      this.touch(event.user, { id, item, type, time, value });
    }
  }

  state(user: string): Pick<UserState, "touches" | "vetoes"> & { readonly erasedAt: number } {
    const { touches, erasures } = this.of(user);
    const erasedAt = Math.max(Number.NEGATIVE_INFINITY, ...erasures);
    const left = [...touches.values()].filter((touch) => touch.time > erasedAt).sort(newestFirst);
    const isVeto = (touch: Touch) => VETOES.includes(touch.type);
    return {
      touches: left.filter((touch) => !isVeto(touch)).slice(0, this.limits.touches),
      vetoes: left.filter(isVeto).slice(0, this.limits.vetoes),
      erasedAt,
    };
  }

  /** How many users are otherwise in `store`, there alone, or here alone. */
  async differences(store: StateStore): Promise<number> {
    let different = 0;
    const there = new Set<string>();
    for await (const user of store.users()) {
      if (this.users.has(user)) there.add(user);
      else different++;
    }
    for (const user of this.users.keys()) {
      if (!there.has(user)) {
        different++;
        continue;
      }
      const { touches, vetoes, erasedAt } = await store.read(user as UserState["user"]);
      if (text({ touches, vetoes, erasedAt }) !== text(this.state(user))) different++;
    }
    return different;
  }

  private of(user: string): Everything {
    const known = this.users.get(user) ?? { touches: new Map(), erasures: [] };
    this.users.set(user, known);
    return known;
  }
}

function newestFirst(a: Touch, b: Touch): number {
  if (a.time !== b.time) return b.time - a.time;
  return a.id > b.id ? -1 : a.id < b.id ? 1 : 0;
}

function text(state: Pick<UserState, "touches" | "vetoes"> & { readonly erasedAt: number }): string {
  const rows = (touches: readonly Touch[]) =>
    touches.map(({ id, item, type, value, time }) => [id, item, type, String(value), time]);
  return JSON.stringify([rows(state.touches), rows(state.vetoes), String(state.erasedAt)]);
}
