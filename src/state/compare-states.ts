/**
 * Whether a store holds what another one does, while a serving process goes on changing the first.
 *
 * No moment at which both stand still is needed. A store that says that it has applied every event before a has all of
 * them and perhaps some later ones; merging is idempotent, so with the log's events from a to e added its states are
 * those at e exactly, whatever it had of them before. The other store is filled by nobody but this process, and is
 * brought to the same e.
 */
import { createHash, type Hash } from "node:crypto";
import type { Clock, Offset, Progress, UserId } from "../core/index.ts";
import { changeState } from "./fold-batch.ts";
import { catchUp, type FollowedLog, LogTail } from "./follow-log.ts";
import { withoutExpired } from "./merge-touches.ts";
import { encodeState } from "./state-codec.ts";
import type { StateStore } from "./state-store.ts";
import { inPages, usersByRange } from "./user-ranges.ts";
import { emptyState, type UserState } from "./user-state.ts";

export interface Compared {
  /** Of whom one of the stores holds something. */
  readonly users: number;
  /** Users whose states differ. */
  readonly different: number;
  /** SHA-256 (hex) of the second store's states. */
  readonly digest: string;
  /** The offset up to which the second store was brought. */
  readonly offset: Offset;
}

/** Users read at once: a page of full states takes some 20 MB. */
const PAGE = 256;
const NOTHING = encodeState(emptyState("" as UserId));

/**
 * Compares what `moving`, which others may be writing, holds with `exact`, which this process alone fills; `exact` is
 * brought up to the log on the way. Rejects as the stores and the log do.
 */
export async function compareStates(
  moving: StateStore,
  exact: StateStore,
  log: FollowedLog,
  clock: Clock,
  progress: Progress,
): Promise<Compared> {
  const ranges = await usersByRange([moving, exact]);
  const users = ranges.reduce((sum, range) => sum + range.length, 0);
  progress.step("compare user states", users, "users");
  const tail = new LogTail(log);
  const hash = createHash("sha256");
  let different = 0;
  let done = 0;
  for (const range of ranges) {
    await inPages(range, PAGE, 1, async (page) => {
      const applied = await moving.readApplied();
      const found = await Promise.all(page.map((user) => moving.read(user)));
      const changes = await tail.between(applied, await catchUp(exact, log), moving.name);
      const wanted = await Promise.all(page.map((user) => exact.read(user)));
      const now = clock.now();
      for (const [i, user] of page.entries()) {
        const change = changes.get(user);
        const state = change === undefined ? found[i]! : changeState(found[i]!, change, exact.limits);
        const expected = bytesOf(wanted[i]!);
        if (!bytesOf(state).equals(expected)) different++;
        add(hash, user, expected);
      }
      done += page.length;
      progress.update(done);

      function bytesOf(state: UserState): Buffer {
        return encodeState(withoutExpired(state, exact.limits, now));
      }
    });
  }
  return { users, different, digest: hash.digest("hex"), offset: exact.applied };
}

/** A user of whom nothing is left counts as one of whom nothing was held. */
function add(hash: Hash, user: UserId, bytes: Buffer): void {
  if (bytes.equals(NOTHING)) return;
  hash.update(`${user.length} ${user} ${bytes.length} `).update(bytes);
}
