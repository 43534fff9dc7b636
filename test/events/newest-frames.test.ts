/** What the writer still has in memory is what its file says, and is given back without the file. */
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Random, type UserId } from "../../src/core/index.ts";
import { type FileLog, openFileLog } from "../../src/events/index.ts";
import { interactions, oneOfEach, readAll } from "./make-events.ts";

let directory: string;
let log: FileLog;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-newest-"));
  log = await openFileLog(directory);
});

afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true, force: true });
});

async function fromFile(from: number) {
  const reader = await openFileLog(directory, { readOnly: true });
  try {
    return await readAll(reader, from);
  } finally {
    await reader.close();
  }
}

it("is the same from every offset on, across frames", async () => {
  const random = new Random("newest frames");
  await log.append(oneOfEach);
  for (let n = 100; n < 400; ) {
    const more = 1 + random.int(30);
    await log.append(interactions(n, n + more));
    n += more;
  }
  for (let from = 0; from <= log.end; from += 7) {
    expect(await readAll(log, from)).toEqual(await fromFile(from));
  }
});

it("needs no file, until that is full and might be written anew", async () => {
  await log.append(interactions(0, 50));
  const { path } = log.segments[0]!;
  await rename(path, `${path}.away`);
  expect(await readAll(log, 20)).toHaveLength(30);
  await rename(`${path}.away`, path);
  await log.rotate();
  await log.compact(new Map([["u1" as UserId, Number.POSITIVE_INFINITY]]), log.end);
  const kinds = new Set((await readAll(log, 0)).map(({ event }) => event.kind));
  expect(kinds).toContain("anonymous");
});

it("comes from the file where it is older than what is held", async () => {
  const large = interactions(0, 12_000).map((event) => ({
    ...event,
    id: event.id.padEnd(100, "x") as never,
  }));
  for (let n = 0; n < large.length; n += 2_000) await log.append(large.slice(n, n + 2_000));
  const [all, newest] = [await readAll(log, 0), await readAll(log, 11_990)];
  expect(all.map(({ event }) => "id" in event && event.id)).toEqual(large.map(({ id }) => id));
  expect(newest).toEqual(all.slice(11_990));
});
