/** Whole states into a store: to fill it from a snapshot. */
import type { StateStore, UserTouches } from "./state-store.ts";
import type { UserState } from "./user-state.ts";

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
