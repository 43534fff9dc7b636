/** Changes of users as the arguments of MERGE (redis-scripts.ts), cut so that no script holds Redis up for long. */
import type { UserId } from "../core/index.ts";
import { changeState, type UserChange } from "./fold-batch.ts";
import type { RedisKeys } from "./redis-keys.ts";
import { encodeMember } from "./redis-member.ts";
import { emptyState, type StateLimits, type Touch } from "./user-state.ts";

/** So many touches take Redis about a millisecond, in which nobody else is served. */
const MOST_TOUCHES = 256;
const MOST_USERS = 64;

/** What one script merges: users of one shard. */
export interface Load {
  readonly shard: number;
  readonly keys: string[];
  readonly args: (string | Buffer)[];
  users: number;
  touches: number;
}

/** Without the users whose change is nothing. */
export function loadsOf(
  users: ReadonlyMap<UserId, UserChange>,
  keys: RedisKeys,
  limits: StateLimits,
): Load[] {
  const loads: Load[] = [];
  const newest = new Map<number, Load>();
  for (const [user, change] of users) {
    const { touches, vetoes, erasedAt } = changeState(emptyState(user), change, limits);
    const count = touches.length + vetoes.length;
    if (count === 0 && erasedAt === -Infinity) continue;
    const shard = keys.shardOf(user);
    let load = newest.get(shard);
    if (load === undefined || load.users === MOST_USERS || load.touches >= MOST_TOUCHES) {
      load = emptyLoad(shard);
      newest.set(shard, load);
      loads.push(load);
    }
    load.users++;
    load.touches += count;
    load.keys.push(...keys.ofUser(shard, user));
    load.args.push(erasedAt === -Infinity ? "" : String(erasedAt));
    load.args.push(String(touches.length), String(vetoes.length));
    pushOldestFirst(load.args, touches);
    pushOldestFirst(load.args, vetoes);
  }
  return loads;
}

export function emptyLoad(shard: number): Load {
  return { shard, keys: [], args: [], users: 0, touches: 0 };
}

function pushOldestFirst(args: (string | Buffer)[], touches: readonly Touch[]): void {
  for (let i = touches.length - 1; i >= 0; i--) {
    const touch = touches[i]!;
    args.push(String(touch.time), encodeMember(touch));
  }
}
