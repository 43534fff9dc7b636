/** The newest item of some users, kept out of training: what chooses when training ends, and which weights are kept. */
import { setImmediate } from "node:timers/promises";
import type { Catalog } from "../../catalog/index.ts";
import type { Random } from "../../core/index.ts";
import type { Sequences } from "../sequences.ts";
import type { SequenceModel } from "./sequence-model.ts";

/** At most so many users, and at most this share of them. Guesses: intervals are then about 6 % of the NDCG. */
const MOST_USERS = 2_000;
const SHARE = 0.25;
/** A user needs so many entries: one to read and one to learn from must be left. */
const FEWEST = 3;
/** Users that the encoder reads at once. */
const BATCH = 64;
const TOP = 10;
/** Users times items of one evaluation at most: some seconds. */
const MOST_SCORES = 2e8;

export interface HeldOut {
  /** Users whose last entry is held out. */
  readonly users: Int32Array;
  /** (users of the sequences) where the entries end that may be learned from. */
  readonly ends: Int32Array;
}

export function holdOut({ offsets }: Sequences, random: Random): HeldOut {
  const ends = offsets.slice(1);
  const able: number[] = [];
  for (let user = 0; user < ends.length; user++) {
    if (ends[user]! - offsets[user]! >= FEWEST) able.push(user);
  }
  const users = Int32Array.from(random.shuffle(able).slice(0, Math.min(MOST_USERS, SHARE * able.length)));
  for (const user of users) ends[user] = ends[user]! - 1;
  // Read together, histories of the same length need no padding.
  return { users: users.sort((a, b) => ends[a]! - offsets[a]! - (ends[b]! - offsets[b]!)), ends };
}

/** NDCG@10 over all live items that the user has not taken before; an item taken before is no target and counts 0. */
export async function heldOutNdcg(
  model: SequenceModel,
  catalog: Catalog,
  { offsets, items }: Sequences,
  { users, ends }: HeldOut,
): Promise<number> {
  // A large catalogue is searched for fewer users, or an evaluation would take longer than the steps before it.
  const most = Math.ceil(MOST_SCORES / Math.max(1, catalog.size));
  const measured =
    users.length <= most ? users : users.filter((_, i) => i % Math.ceil(users.length / most) === 0);
  const allowed = catalog.items.live.slice(0, catalog.size);
  const { width } = model;
  let sum = 0;
  for (let at = 0; at < measured.length; at += BATCH) {
    await setImmediate();
    const some = measured.subarray(at, at + BATCH);
    const histories = Array.from(some, (user) => items.subarray(offsets[user]!, ends[user]!));
    const vectors = await model.read(histories);
    some.forEach((user, b) => {
      const history = histories[b]!;
      for (const row of history) allowed[row] = 0;
      const best = model.items.top(vectors.subarray(b * width, (b + 1) * width), allowed, TOP);
      const rank = best.rows.indexOf(items[ends[user]!]!);
      if (rank >= 0) sum += 1 / Math.log2(rank + 2);
      for (const row of history) allowed[row] = catalog.items.live[row]!;
    });
  }
  return measured.length === 0 ? 0 : sum / measured.length;
}
