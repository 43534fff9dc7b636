/**
 * Moving house: copies the user states of one store into another while a process goes on serving from the first.
 *
 * Both stores are folds of one log, and merging is commutative and idempotent. So the target is given, in any order,
 * every user as found in the source at some moment after `startedAt`, and then every event of the log from `startedAt`
 * on: it then holds what the source does, and goes on holding it as long as it follows the log. That is the second
 * write while the first goes on. Before the target may be used, every state is compared with the source's.
 *
 * It may be killed at any moment. What is in the target is remembered in a file after it is durable there; whatever
 * was written beyond that is written again, to the same end.
 */
import type { Clock, Offset, Progress } from "../core/index.ts";
import { UpnextError } from "../core/index.ts";
import { compareStates } from "./compare-states.ts";
import { catchUp, type FollowedLog } from "./follow-log.ts";
import { type MigrationMark, readMark, removeMark, writeMark } from "./migration-file.ts";
import type { StateStore } from "./state-store.ts";
import { inPages, RANGES, usersByRange } from "./user-ranges.ts";

export interface Migration {
  readonly source: StateStore;
  readonly target: StateStore;
  readonly log: FollowedLog;
  readonly logId: string;
  /** Texts of the places, without passwords. */
  readonly from: string;
  readonly to: string;
  /** Where it remembers how far it is. */
  readonly file: string;
  /** Whether what the target holds already may be cleared. */
  readonly replace: boolean;
  readonly clock: Clock;
  readonly progress: Progress;
}

export interface MigrationReport {
  /** Of whom the target holds something. */
  readonly users: number;
  /** Those that this run has copied: fewer where it went on from an earlier one. */
  readonly copied: number;
  readonly resumed: boolean;
  /** Every event before it is in the target. */
  readonly offset: Offset;
  /** SHA-256 (hex) of the target's states. */
  readonly digest: string;
  readonly copyMs: number;
  readonly verifyMs: number;
}

/** A write to a store on disk waits for its flush: so many users share one, and so many writes go on beside it. */
const PAGE = 128;
const AT_ONCE = 4;
/** How often the place is remembered: what is copied again after a kill. */
const REMEMBER_MS = 500;

/**
 * Copies, follows the log and compares. Rejects with `migration_failed` where the states are not equal, and with
 * `invalid_request` where the target holds something that nobody said may go; then nothing relies on the target yet.
 */
export async function migrate(migration: Migration): Promise<MigrationReport> {
  const { source, target, log, clock, progress, file } = migration;
  const unfinished = await unfinishedOf(migration);
  const mark = unfinished ?? (await begin(migration));
  const copyBegin = clock.monotonic();
  const copied = mark.ranges < RANGES ? await copy(migration, mark) : 0;
  // Only now: a target that was cleared and not brought here has applied nothing, and is filled by whoever opens it.
  await target.skipTo(mark.startedAt);
  const copyMs = clock.monotonic() - copyBegin;
  progress.step("follow the log", log.end, "events");
  await catchUp(target, log, progress);

  const verifyBegin = clock.monotonic();
  const { users, different, digest, offset } = await compareStates(source, target, log, clock, progress);
  // Equal, and there is nothing left to remember; or not, and the next run must not go on from this one.
  await removeMark(file);
  if (different > 0) {
    throw new UpnextError(
      "migration_failed",
      `migration from ${migration.from} to ${migration.to}: expected equal states, those of ${different} of ${users} users differ. Nothing relies on the target: run it again, it begins anew.`,
    );
  }
  const verifyMs = clock.monotonic() - verifyBegin;
  return { users, copied, resumed: unfinished !== undefined, offset, digest, copyMs, verifyMs };
}

/** The mark of an earlier run that this one can go on from. */
async function unfinishedOf(migration: Migration): Promise<MigrationMark | undefined> {
  const { target, log, logId, from, to, file } = migration;
  const mark = await readMark(file);
  if (mark === undefined || mark.log !== logId || mark.from !== from || mark.to !== to) return undefined;
  await log.refresh();
  // What the target has not seen yet may have been dropped from the log, and the target may have been emptied.
  const applied = await appliedUnlessLost(target);
  if (applied === undefined || Math.max(mark.startedAt, applied) < log.first) return undefined;
  return mark;
}

async function begin(migration: Migration): Promise<MigrationMark> {
  const { source, target, log, logId, from, to, file, replace } = migration;
  const startedAt = await source.readApplied();
  await log.refresh();
  if (startedAt < log.first) {
    throw new UpnextError(
      "store_unavailable",
      `${source.name} state store: expected events up to ${log.first} to be applied, for the log has dropped those before, and it has ${startedAt}. Start the server once: it fills the store from the newest snapshot.`,
    );
  }
  const known = await readMark(file);
  if (!replace && known?.to !== to && (await holdsSomething(target))) {
    throw new UpnextError(
      "invalid_request",
      `migration to ${to}: expected an empty store, it holds states. Check the place; with --clear they are removed first.`,
    );
  }
  await target.clear();
  if (startedAt > 0 && (await appliedUnlessLost(source)) === 0) {
    throw new UpnextError(
      "migration_failed",
      `migration from ${from} to ${to}: these are one store under two names, and it was cleared. The next start fills it from the log.`,
    );
  }
  const mark: MigrationMark = { format: 1, log: logId, from, to, startedAt, ranges: 0 };
  await writeMark(file, mark);
  return mark;
}

/** Copies the users of all ranges that are not in the target yet; resolves with their number. */
async function copy({ source, target, clock, progress, file }: Migration, mark: MigrationMark) {
  progress.step("list users");
  const ranges = (await usersByRange([source])).slice(mark.ranges);
  const total = ranges.reduce((sum, range) => sum + range.length, 0);
  progress.step("copy user states", total, "users");
  let done = 0;
  let remembered = clock.monotonic();
  for (const [i, range] of ranges.entries()) {
    await inPages(range, PAGE, AT_ONCE, async (page) => {
      const states = await Promise.all(page.map((user) => source.read(user)));
      const erased = states.filter(({ erasedAt }) => erasedAt > -Infinity);
      await Promise.all(erased.map(({ user, erasedAt }) => target.erase(user, erasedAt)));
      await target.write(
        states.map(({ user, touches, vetoes }) => ({ user, touches: [...touches, ...vetoes] })),
      );
      done += page.length;
      progress.update(done);
    });
    if (i < ranges.length - 1 && clock.monotonic() - remembered < REMEMBER_MS) continue;
    await writeMark(file, { ...mark, ranges: mark.ranges + i + 1 });
    remembered = clock.monotonic();
  }
  return done;
}

/** undefined where the store has lost what it held. */
async function appliedUnlessLost(store: StateStore): Promise<Offset | undefined> {
  try {
    return await store.readApplied();
  } catch (error) {
    if (error instanceof UpnextError && error.code === "store_lost") return undefined;
    throw error;
  }
}

async function holdsSomething(store: StateStore): Promise<boolean> {
  if ((await appliedUnlessLost(store)) !== 0) return true;
  for await (const _ of store.users()) return true;
  return false;
}
