/**
 * A simulated platform that is made once and trained once, and copied for each run: what serves it writes into it.
 *
 * Its name has in it the size and what the simulation's files say; the bundle in it is trained anew where the package
 * refuses it.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJiti } from "jiti";
import { DAY, type EpochMs } from "../../src/core/index.ts";
import type { UpnextConfig } from "../../src/upnext.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const { UPNEXT_BENCH_CACHE: CACHE = join(tmpdir(), "upnext-bench") } = process.env;

export interface PlatformSize {
  readonly videos: number;
  readonly users: number;
  /** Interactions. */
  readonly events: number;
}

export interface Fitting {
  /** Milliseconds for what iterates; the networks take what they take. */
  readonly timeBudget: number;
  readonly maxLists: number;
  readonly rung: string;
}

export interface Platform {
  /** What to copy: log, states, snapshots and bundles. */
  readonly directory: string;
  /** Users with at least TOUCHES touches. */
  readonly busy: readonly string[];
  /** Events of the log. */
  readonly logged: number;
}

/** A request of one of the busy users has so much history. */
export const TOUCHES = 50;
/** Fewer busy users than that, and the busiest of all are asked for. */
const LEAST_BUSY = 200;
/** Events of one append. */
const APPEND = 10_000;
/** A platform whose newest event is older is made again: nothing in it would be fresh. */
const MOST_AGE = 14 * DAY;

interface Marker {
  readonly end: number;
  readonly busy: readonly string[];
  readonly logged: number;
}

/** The package as it is run, compiled. */
async function compiled() {
  const jiti = createJiti(import.meta.url, { tryNative: true });
  const load = <T>(path: string) => jiti.import<T>(join(ROOT, "dist", path));
  return {
    ...(await load<typeof import("../../src/upnext.ts")>("upnext.js")),
    ...(await load<typeof import("../../src/simulation/index.ts")>("simulation/index.js")),
  };
}

/** @param say what is being done, where that takes long */
export async function platformOf(
  size: PlatformSize,
  config: UpnextConfig,
  fitting: Fitting,
  say: (line: string) => void,
): Promise<Platform> {
  const { open, simulate } = await compiled();
  const directory = join(CACHE, nameOf(size));
  const { busy, logged } = (await markerOf(directory)) ?? (await made());
  await ensureTrained();
  return { directory, busy, logged };

  async function made(): Promise<Marker> {
    say(`simulating ${size.videos} videos, ${size.users} users, ${size.events} interactions`);
    const draft = `${directory}.${process.pid}`;
    await rm(directory, { recursive: true, force: true });
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    const end = Math.floor(Date.now() / DAY) * DAY;
    const touches = new Map<string, number>();
    const instance = await open({ directory: draft, config });
    let held: object[] = [];
    const flush = async () => {
      await instance.track(held as Parameters<typeof instance.track>[0]);
      held = [];
    };
    for (const batch of simulate({ ...size, end: end as EpochMs })) {
      for (const event of batch) {
        if (event.kind === "interaction") touches.set(event.user, (touches.get(event.user) ?? 0) + 1);
      }
      held.push(...batch);
      if (held.length >= APPEND) await flush();
    }
    await flush();
    const logged = (await instance.status()).log.end;
    await instance.close();
    const marker = { end, busy: busyOf(touches), logged };
    await writeFile(join(draft, "platform.json"), JSON.stringify(marker));
    await rename(draft, directory);
    return marker;
  }

  async function ensureTrained(): Promise<void> {
    const instance = await open({ directory, config, readOnly: true });
    try {
      const { bundle, checks } = await instance.status();
      const refused = checks.some(({ name, level }) => name === "bundle" && level === "failure");
      if (bundle !== null && !refused) return;
      say(`training the rung ${fitting.rung}`);
      const { release } = await instance.train(undefined, fitting);
      // What it is worth does not matter here: it was trained on little, in a hurry.
      if (!release.accepted) await instance.promote(release.bundle, { despite: "what it costs is measured" });
    } finally {
      await instance.close();
    }
  }
}

/** A copy to serve from; the caller removes it. */
export async function copyOf({ directory }: Platform, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const part of ["log", "state", "snapshots", "bundles"]) {
    const from = join(directory, part);
    if (existsSync(from)) await cp(from, join(to, part), { recursive: true });
  }
}

async function markerOf(directory: string): Promise<Marker | undefined> {
  const path = join(directory, "platform.json");
  if (!existsSync(path)) return undefined;
  const marker = JSON.parse(await readFile(path, "utf8")) as Marker;
  return Date.now() - marker.end > MOST_AGE ? undefined : marker;
}

function nameOf({ videos, users, events }: PlatformSize): string {
  const hash = createHash("sha256");
  const folder = join(ROOT, "src", "simulation");
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)));
  return `${videos}-${users}-${events}-${hash.digest("hex").slice(0, 12)}`;
}

/** Those with enough touches, or the busiest where they are few; in the order of their ids. */
function busyOf(touches: ReadonlyMap<string, number>): readonly string[] {
  const enough = [...touches].filter(([, count]) => count >= TOUCHES);
  const chosen =
    enough.length >= LEAST_BUSY
      ? enough
      : [...touches].sort(([, a], [, b]) => b - a).slice(0, Math.min(LEAST_BUSY, touches.size));
  return chosen.map(([user]) => user).sort();
}
