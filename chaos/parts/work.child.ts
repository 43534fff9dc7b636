/** What a process does until it is killed. It says "ready", waits for "go", and tells every acknowledgement at once. */
import { writeSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Catalog, catalogDigest } from "../../src/catalog/index.ts";
import type { UserId } from "../../src/core/index.ts";
import { open, type Upnext } from "../../src/upnext.ts";
import { eventOf, idOf, KNOWN_USERS } from "./sent-events.ts";

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

/** Says that it is ready, and resolves with the ids that the parent wants sent again. */
async function ready(upnext: Upnext): Promise<readonly string[]> {
  const { catalog }: { catalog: Catalog } = Object(upnext); // nobody's business but a test's
  const { log } = await upnext.status();
  say(`ready ${JSON.stringify({ end: log.end, catalog: catalogDigest(catalog, KNOWN_USERS as UserId[]) })}`);
  for await (const line of createInterface(process.stdin)) {
    if (line.startsWith("go ")) return JSON.parse(line.slice(3));
  }
  return process.exit(0);
}

async function track(upnext: Upnext, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await upnext.track(ids.map(eventOf));
  acknowledge(ids);
}

/** Several writers for ever, in batches of different sizes. */
async function ingestForEver(upnext: Upnext, run: string): Promise<never> {
  const writer = async (name: string, size: number) => {
    for (let n = 0; ; n += size)
      await track(
        upnext,
        Array.from({ length: size }, (_, i) => idOf(run, name, n + i)),
      );
  };
  return (await Promise.all([writer("a", 1), writer("b", 1), writer("c", 7), writer("d", 100)]))[0]!;
}

export async function ingest(directory: string, run: string): Promise<void> {
  const upnext = await open({ directory });
  const again = await ready(upnext);
  say("p append");
  await track(upnext, again);
  await ingestForEver(upnext, run);
}

/** The same, but appends to the log do not wait for the disk: a power cut has to show it, or it has no teeth. */
export async function ingestUnsynced(directory: string, run: string): Promise<void> {
  const file = await openFile(join(directory, "any"), "w");
  Object.getPrototypeOf(file).datasync = async () => {}; // what the log makes appends durable with, and nothing else
  await file.close();
  await ingest(directory, run);
}
