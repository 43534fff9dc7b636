/**
 * Scratch directories and files of writers. A name says who writes: host and process. What a dead process of this host
 * left is swept when a registry is opened; of other hosts (a shared volume) only what is a day old, for nobody here can
 * tell whether they live.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Clock, DAY, errorCode } from "../core/index.ts";

const PREFIX = ".scratch";
const HOST = hostname().replaceAll(/[^A-Za-z0-9-]/g, "-");

/** A path in `directory` that nobody else uses. */
export function scratchPath(directory: string): string {
  return join(directory, `${PREFIX}.${HOST}.${process.pid}.${randomBytes(6).toString("hex")}`);
}

/** Removes what killed writers left in `directory`. */
export async function sweep(directory: string, clock: Clock): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${PREFIX}.`)) continue;
    const path = join(directory, name);
    if (await isAbandoned(path, name, clock)) await rm(path, { recursive: true, force: true });
  }
}

async function isAbandoned(path: string, name: string, clock: Clock): Promise<boolean> {
  const [, host, pid] = name.slice(1).split(".");
  if (host === HOST && !isAlive(Number(pid))) return true;
  try {
    return clock.now() - (await stat(path)).mtimeMs > DAY;
  } catch (error) {
    // Gone meanwhile: its writer has renamed or removed it.
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return errorCode(error) === "EPERM";
  }
}
