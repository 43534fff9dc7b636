/** What a process does until it is killed. It says "ready", waits for "go", and tells every acknowledgement at once. */
import { writeSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Catalog, catalogDigest } from "../../src/catalog/index.ts";
import { silent, type UserId } from "../../src/core/index.ts";
import { open, type Upnext, type UpnextConfig } from "../../src/upnext.ts";
import { moveStates } from "./move-states.ts";
import { eventOf, idOf, KNOWN_USERS, passingUser } from "./sent-events.ts";

/** Written at once: a line that the parent has not got is not an acknowledgement. */
function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (Object(error).code !== "EAGAIN") throw error; // the parent is slow to read
    }
  }
}

const acknowledge = (ids: readonly string[]) => say(`a ${ids.join(" ")}`);

/** What no program sees of an instance, and what has to be looked into here. */
interface Inside {
  readonly parts: { readonly catalog: Catalog };
  /** Erasures that were left, retention: what an instance does every ten seconds. */
  readonly keeper: { look(): Promise<void>; snapshot(): Promise<void> };
}

/** Small files, so that there are many of them. */
const LOG = { segmentBytes: 65_536 };
/** The least that retention can be told to keep. */
const KEPT_BYTES = 1_000_000;

/** Events that are more than that. */
const FULL = 18_000;

interface Opened {
  readonly upnext: Upnext;
  readonly inside: Inside;
}

/**
 * Opens the directory, says so, does what an earlier process has left, says so, waits until it is told to go on, and
 * sends what it was told to send again. Where `fill` is given, makes the log so large before that retention has work.
 */
async function begin(directory: string, config: UpnextConfig, fill?: string): Promise<Opened> {
  const upnext = await open({ directory, config });
  say("ready");
  const inside: Inside = Object(upnext);
  await inside.keeper.look();
  const { log: found } = await upnext.status();
  for (let n = 0; fill !== undefined && found.end + n < FULL; n += 1000) {
    await track(upnext, idsOf(fill, 8, n, 1000));
  }
  const { log } = await upnext.status();
  const catalog = catalogDigest(inside.parts.catalog, KNOWN_USERS as UserId[]);
  say(`settled ${JSON.stringify({ end: log.end, catalog })}`);
  const again = await told();
  say("p append");
  await track(upnext, again);
  return { upnext, inside };
}

async function told(): Promise<readonly string[]> {
  for await (const line of createInterface(process.stdin)) {
    if (line.startsWith("go ")) return JSON.parse(line.slice(3));
  }
  return process.exit(0); // whoever started this is gone
}

async function track(upnext: Upnext, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await upnext.track(ids.map(eventOf));
  acknowledge(ids);
}

/** Writers for ever, each in batches of its own size, with a pause between them. */
async function ingestForEver(
  upnext: Upnext,
  run: string,
  sizes: readonly number[],
  pauseMs = 0,
): Promise<void> {
  const writer = async (size: number, name: number) => {
    for (let n = 0; ; n += size) {
      await track(upnext, idsOf(run, name, n, size));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(sizes.map(writer));
}

const idsOf = (run: string, writer: number, from: number, count: number) =>
  Array.from({ length: count }, (_, i) => idOf(run, `w${writer}`, from + i));

export async function ingest(directory: string, run: string): Promise<void> {
  const { upnext } = await begin(directory, { log: LOG });
  await ingestForEver(upnext, run, [1, 1, 7, 100]);
}

/** The same, but appends to the log do not wait for the disk: a power cut has to show it, or it has no teeth. */
export async function ingestUnsynced(directory: string, run: string): Promise<void> {
  const file = await openFile(join(directory, "any"), "w");
  Object.getPrototypeOf(file).datasync = async () => {}; // what the log makes appends durable with, and nothing else
  await file.close();
  await ingest(directory, run);
}

/** Users come and are forgotten, several at once, while others go on. */
export async function erasure(directory: string, run: string, state: string): Promise<void> {
  const { upnext } = await begin(directory, { log: LOG, state: JSON.parse(state) });
  const passing = async (lane: number) => {
    for (let n = 0; ; n++) {
      const user = passingUser(run, `${lane}-${n}`);
      await track(upnext, passingIds(user));
      say("p forget");
      await upnext.forget(user);
      say(`f ${user}`);
    }
  };
  await Promise.all([ingestForEver(upnext, run, [10], 5), passing(0), passing(1), passing(2)]);
}

/** Many erasures come as events and are carried out at once: the whole log is compacted. */
export async function compaction(directory: string, run: string): Promise<void> {
  const { upnext, inside } = await begin(directory, { log: LOG });
  const work = async () => {
    for (let n = 0; ; n++) {
      const users = Array.from({ length: 5 }, (_, i) => passingUser(run, `${n}-${i}`));
      for (const user of users) await track(upnext, passingIds(user));
      await track(upnext, idsOf(run, 9, n * 200, 200));
      await upnext.track(users.map((user) => ({ kind: "erasure", user })));
      say("p compact");
      await inside.keeper.look();
      for (const user of users) say(`f ${user}`);
      say("p append");
    }
  };
  await Promise.all([ingestForEver(upnext, run, [10], 5), work()]);
}

const passingIds = (user: string) => Array.from({ length: 8 }, (_, n) => `${user}/${n}`);

export async function snapshot(directory: string, run: string): Promise<void> {
  const { upnext, inside } = await begin(directory, { log: LOG });
  const work = async () => {
    for (;;) {
      say("p snapshot");
      await inside.keeper.snapshot();
      say("p append");
      await sleep(20);
    }
  };
  await Promise.all([ingestForEver(upnext, run, [1, 10], 2), work()]);
}

/**
 * The log is at its limit: snapshots with all states are written, and its oldest files go. So slowly that nothing goes
 * that was not there when the parent last looked.
 */
export async function retention(directory: string, run: string): Promise<void> {
  const { upnext, inside } = await begin(
    directory,
    { log: { ...LOG, retention: { maxBytes: KEPT_BYTES } } },
    run,
  );
  const work = async () => {
    for (let n = 0; ; n += 500) {
      await track(upnext, idsOf(run, 9, n, 500));
      say("p drop");
      await inside.keeper.look();
      say("p append");
      await sleep(50);
    }
  };
  await Promise.all([ingestForEver(upnext, run, [1, 10], 5), work()]);
}

/** Moves all states to another store, again and again, while events come in. */
export async function migration(directory: string, run: string): Promise<void> {
  const { upnext } = await begin(directory, { log: LOG });
  const work = async () => {
    for (;;) {
      await moveStates(directory, { ...silent, step: (name) => say(`p migrate: ${name}`) });
      say("p append");
    }
  };
  await Promise.all([ingestForEver(upnext, run, [1, 10], 5), work()]);
}
