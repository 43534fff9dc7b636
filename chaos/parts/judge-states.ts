/**
 * Whether answers were of the states that the log says, to the event: found out afterwards, from the log alone, with
 * states in plain words (plain-states.ts).
 */
import type { EventLog, LoggedEvent } from "../../src/events/index.ts";
import { PlainStates } from "./plain-states.ts";

/** A recommendation: `offset` is the moment it says it is of, `touches` how many touches and vetoes it had. */
export interface SeenInAnswer {
  readonly user: string;
  readonly offset: number;
  readonly touches: number;
}

/** A state as the server gave it, which has to have everything that was acknowledged before it was asked for. */
export interface SeenState {
  readonly user: string;
  readonly acknowledged: number;
  /** As JSON of rows. */
  readonly state: string;
}

export interface Verdict {
  readonly answers: number;
  readonly states: number;
  readonly wrongAnswers: number;
  readonly wrongStates: number;
  /** Events that were acknowledged and are not in the log. */
  readonly lostEvents: number;
}

type Limits = ConstructorParameters<typeof PlainStates>[0];
type Row = { readonly id: string; readonly item: string; readonly type: string; readonly time: number };

/** The same text for the same state, wherever it comes from. */
export function stateText(state: {
  readonly touches: readonly Row[];
  readonly vetoes: readonly Row[];
}): string {
  const rows = (list: readonly Row[]) => list.map(({ id, item, type, time }) => [id, item, type, time]);
  return JSON.stringify([rows(state.touches), rows(state.vetoes)]);
}

export async function judge(
  log: Pick<EventLog, "read" | "first">,
  limits: Limits,
  seen: {
    readonly answers: readonly SeenInAnswer[];
    readonly states: readonly SeenState[];
    readonly acknowledged: readonly string[];
  },
): Promise<Verdict> {
  const byUser = new Map<string, LoggedEvent[]>();
  const ids = new Set<string>();
  for await (const batch of log.read(log.first)) {
    for (const logged of batch) {
      const { event } = logged;
      if (event.kind !== "interaction" && event.kind !== "erasure") continue;
      ids.add(event.id);
      const own = byUser.get(event.user) ?? [];
      byUser.set(event.user, own);
      own.push(logged);
    }
  }
  /** After the first `count` of the user's events. */
  const after = (user: string, count: number) => {
    const plain = new PlainStates(limits);
    plain.apply((byUser.get(user) ?? []).slice(0, count));
    return plain.state(user);
  };
  const countBefore = (user: string, offset: number) =>
    (byUser.get(user) ?? []).filter((event) => event.offset < offset).length;

  const wrongAnswers = seen.answers.filter(({ user, offset, touches }) => {
    const state = after(user, countBefore(user, offset));
    return state.touches.length + state.vetoes.length !== touches;
  });
  const wrongStates = seen.states.filter(({ user, acknowledged, state }) => {
    const all = byUser.get(user)?.length ?? 0;
    for (let count = countBefore(user, acknowledged); count <= all; count++) {
      if (stateText(after(user, count)) === state) return false;
    }
    return true;
  });
  return {
    answers: seen.answers.length,
    states: seen.states.length,
    wrongAnswers: wrongAnswers.length,
    wrongStates: wrongStates.length,
    lostEvents: seen.acknowledged.filter((id) => !ids.has(id)).length,
  };
}
