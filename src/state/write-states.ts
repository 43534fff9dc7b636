/** Whole states into a store: to fill it from a snapshot. */
import type { Offset } from "../core/index.ts";
import type { StateStore, UserTouches } from "./state-store.ts";
import type { UserState } from "./user-state.ts";

/** What a store is filled with where the log no longer begins at 0: every state of one moment. */
export interface BaseStates {
  /** They are the fold of every event before it. */
  readonly offset: Offset;
  readonly states: AsyncIterable<UserState>;
}

/** States of one write: enough that the flush of a store on disk is shared (measured for migration). */
const PAGE = 128;

/** Merges every state into the store; erasures first, so that nothing they forget is written. */
export async function writeStates(store: StateStore, states: AsyncIterable<UserState>): Promise<void> {
  let page: UserTouches[] = [];
  for await (const { user, touches, vetoes, erasedAt } of states) {
    if (erasedAt > -Infinity) await store.erase(user, erasedAt);
    page.push({ user, touches: [...touches, ...vetoes] });
    if (page.length < PAGE) continue;
    await store.write(page);
    page = [];
  }
  if (page.length > 0) await store.write(page);
}

/** Makes the store as new and brings it to where the base is. Ended in between, it has `applied` 0 and is filled again. */
export async function fillFromBase(store: StateStore, { offset, states }: BaseStates): Promise<void> {
  await store.clear();
  await writeStates(store, states);
  await store.skipTo(offset);
}
