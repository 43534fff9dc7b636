/** One short text for everything a store holds, so that two of them (or a store and its rebuilt twin) can be compared. */
import { createHash } from "node:crypto";
import type { UserId } from "../core/index.ts";
import type { StateStore } from "./state-store.ts";
import type { Touch } from "./user-state.ts";

/**
 * SHA-256 (hex) over all states in the order of their users' ids. Equal states, equal digest, whatever the store: of a
 * user whose touches have all expired some know the id still, and others do not.
 */
export async function stateDigest(store: StateStore): Promise<string> {
  const users: UserId[] = [];
  for await (const user of store.users()) users.push(user);
  users.sort();
  const hash = createHash("sha256");
  for (const user of users) {
    const { touches, vetoes, erasedAt } = await store.read(user);
    if (touches.length + vetoes.length === 0 && erasedAt === -Infinity) continue;
    hash.update(JSON.stringify([user, touches.map(row), vetoes.map(row), String(erasedAt)]));
  }
  return hash.digest("hex");
}

/** JSON has no NaN, so "no value" becomes null. */
function row({ id, item, type, value, time, surface }: Touch): readonly unknown[] {
  const known = [id, item, type, Number.isNaN(value) ? null : value, time];
  return surface === undefined ? known : [...known, surface];
}
