/**
 * One writer per log: a lock file that names the process. Node has no flock, so a lock is judged by whether its
 * process still lives: the same pid with the same start time, on the same boot of the same machine and in the same pid
 * namespace. From another container or machine that cannot be seen; there the file's age decides, which the holder
 * keeps young. A holder that finds another's lock in its place (it was stopped for long) is told, and must not write.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Clock, errorCode, UpnextError, writeDurably } from "../core/index.ts";

/** The holder touches the file this often. */
const BEAT_MS = 5_000;
/** A lock that cannot be checked otherwise is abandoned after this silence: six missed beats. */
const SILENCE_MS = 30_000;

/** Others that take over the same dead lock are given 100 × 10 ms to be done. */
const TAKEOVER_WAIT_MS = 10;
const ATTEMPTS = 100;

export interface WriterLock {
  release(): Promise<void>;
}

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /** Start of the process in the kernel's ticks since boot; "" where the system does not say. */
  readonly started: string;
  /** Boot and pid namespace: pids mean the same only where both are equal. */
  readonly space: string;
  readonly host: string;
  /** EpochMs. */
  readonly since: number;
}

/** Takes the lock of the log in `directory` or rejects with `log_locked`. `onLost` is called once if it is taken away. */
export async function lockWriter(
  directory: string,
  clock: Clock,
  onLost: () => void,
  beatMs = BEAT_MS,
): Promise<WriterLock> {
  const path = join(directory, "lock");
  const { pid } = process;
  const mine: Holder = {
    pid,
    started: startOf(pid) ?? "",
    space: pidSpace(),
    host: hostname(),
    since: clock.now(),
  };
  const text = JSON.stringify(mine);
  for (let attempt = 0; ; attempt++) {
    const held = await readLock(path);
    if (held === undefined) {
      if (await putNew(path, text)) break;
      continue;
    }
    if (attempt > ATTEMPTS || (await isHeld(path, held, clock)))
      throw lockedError(directory, path, parseHolder(held));
    await takeAway(path, held, text, clock);
  }
  const beat = setInterval(() => {
    // A beat that fails is one missed; the next may succeed.
    keepYoung(path, text, clock).then(
      (ours) => {
        if (ours) return;
        clearInterval(beat);
        onLost();
      },
      () => {},
    );
  }, beatMs);
  beat.unref();
  return {
    async release() {
      clearInterval(beat);
      if ((await readLock(path)) === text) await rm(path, { force: true });
    },
  };
}

/**
 * Makes the file with this text, or returns false where there is one already. It is there whole or not at all, after a
 * kill and after a power cut: a lock that names nobody would have to be honoured.
 */
async function putNew(path: string, text: string): Promise<boolean> {
  const unfinished = `${path}.${randomUUID()}.tmp`;
  try {
    await writeDurably(unfinished, Buffer.from(text));
    await link(unfinished, path);
    return true;
  } catch (error) {
    // ENOENT: who has the lock by now clears away whatever is unfinished (recovery.ts), this file too.
    if (errorCode(error) !== "EEXIST" && errorCode(error) !== "ENOENT") throw error;
    return false;
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Touches the lock; false where it is no longer ours. */
async function keepYoung(path: string, text: string, clock: Clock): Promise<boolean> {
  if ((await readLock(path)) !== text) return false;
  const now = clock.now() / 1000;
  await utimes(path, now, now);
  return true;
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isHeld(path: string, text: string, clock: Clock): Promise<boolean> {
  const holder = parseHolder(text);
  if (holder !== undefined && holder.space === pidSpace()) return isAlive(holder);
  // Not our pids, or damaged: young means held.
  return (await ageOf(path, clock)) < SILENCE_MS;
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = startOf(holder.pid);
  return started === undefined || holder.started === "" || started === holder.started;
}

/**
 * Removes a dead lock. Two processes may find it at once, and the slower must not remove the fresh lock of the faster:
 * so removing takes a file of its own, and looks again. Where that file is in the way, waits a little.
 */
async function takeAway(path: string, dead: string, mine: string, clock: Clock): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await putNew(guard, mine))) {
    const other = await readLock(guard);
    // Who died while taking a lock over left this behind.
    if (other !== undefined && !(await isHeld(guard, other, clock))) await rm(guard, { force: true });
    await setTimeout(TAKEOVER_WAIT_MS);
    return;
  }
  try {
    if ((await readLock(path)) === dead) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Milliseconds since the file was last touched. */
async function ageOf(path: string, clock: Clock): Promise<number> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: -Infinity }));
  return clock.now() - mtimeMs;
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder: unknown = JSON.parse(text);
    if (typeof holder !== "object" || holder === null) return undefined;
    const { pid, started, space, host, since } = holder as Record<string, unknown>;
    const typed = typeof pid === "number" && typeof started === "string" && typeof space === "string";
    return typed ? { pid, started, space, host: String(host), since: Number(since) } : undefined;
  } catch {
    return undefined;
  }
}

function lockedError(directory: string, path: string, holder: Holder | undefined): UpnextError {
  const who =
    holder === undefined
      ? "a process that has not said its name"
      : `process ${holder.pid} on ${holder.host} since ${new Date(holder.since).toISOString()}`;
  const cure = `Stop it or open the log read-only; if it is surely gone, remove ${path}.`;
  return new UpnextError("log_locked", `${directory}: expected no other writer, but ${who} is one. ${cure}`);
}

/** Field 22 of /proc/<pid>/stat; the fields before it may hold spaces only within the parentheses of the name. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function pidSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}
