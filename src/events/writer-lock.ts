/**
 * One writer per log: a lock file that names the process. Node has no flock, so a lock is judged by whether its
 * process still lives: the same pid with the same start time, on the same boot of the same machine and in the same pid
 * namespace. From another container or machine that cannot be seen; there the file's age decides, which the holder
 * keeps young. A holder that finds another's lock in its place (it was stopped for long) is told, and must not write.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Clock, UpnextError } from "../core/index.ts";

/** The holder touches the file this often. */
const BEAT_MS = 5_000;
/** A lock that cannot be checked otherwise is abandoned after this silence: six missed beats. */
const SILENCE_MS = 30_000;

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
export async function lockWriter(directory: string, clock: Clock, onLost: () => void): Promise<WriterLock> {
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
    try {
      await writeFile(path, text, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const held = await readLock(path);
    if (held === undefined) continue;
    if (attempt > 3 || (await isHeld(path, held, clock)))
      throw lockedError(directory, path, parseHolder(held));
    await takeAway(path, held);
  }
  const beat = setInterval(async () => {
    if ((await readLock(path)) === text) {
      const now = clock.now() / 1000;
      await utimes(path, now, now).catch(() => {});
    } else {
      clearInterval(beat);
      onLost();
    }
  }, BEAT_MS);
  beat.unref();
  return {
    async release() {
      clearInterval(beat);
      if ((await readLock(path)) === text) await rm(path, { force: true });
    },
  };
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
  // Not our pids, or not yet written out: young means held.
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: -Infinity }));
  return clock.now() - mtimeMs < SILENCE_MS;
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
 * Two processes may find the same dead lock at once: each moves it aside and looks whether that was the dead one;
 * whoever moved a fresh lock puts it back.
 */
async function takeAway(path: string, dead: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readLock(aside)) === dead) await rm(aside, { force: true });
  else await rename(aside, path);
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
