/**
 * Files of snapshots that were damaged in any way: flipped bits, cut off, grown, pages swapped or blank, of another
 * version. None gives a wrong catalog or a wrong state, and none crashes: each is refused with `snapshot_corrupt`, and
 * passed over where an older one is there.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random, UpnextError } from "../../src/core/index.ts";
import { openSnapshots, type Snapshot, type Snapshots } from "../../src/snapshots/index.ts";
import { baseOf, CLOCK, digestOf, foldsOf, mixedLog, resumed } from "./folds.ts";

const MUTANTS = 700;
const EVENTS = mixedLog(700, "mutants");
const [OLD, NEW] = [200, 600];

/** One way to damage a file each; the result differs from what it was. */
const DAMAGES: readonly (readonly [name: string, (bytes: Buffer, random: Random) => Buffer])[] = [
  [
    "a bit flipped",
    (bytes, random) => {
      const at = random.int(bytes.length);
      bytes[at] = bytes[at]! ^ (1 << random.int(8));
      return bytes;
    },
  ],
  ["cut off", (bytes, random) => bytes.subarray(0, random.int(bytes.length))],
  ["grown", (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random.int(5000), random.int(256))])],
  ["pages swapped", (bytes, random) => swapped(bytes, random)],
  ["a blank page", (bytes, random) => blank(bytes, random)],
  [
    "of another version",
    (bytes, random) => {
      bytes.writeUInt32LE(2 + random.int(1000), 8);
      return bytes;
    },
  ],
  [
    "bytes left out",
    (bytes, random) => {
      const at = random.int(bytes.length - 1);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(64))]);
    },
  ],
  [
    "nonsense",
    (bytes, random) => {
      for (let i = 0; i < 40; i++) bytes[random.int(bytes.length)] = random.int(256);
      return bytes;
    },
  ],
];
/** Of a file as small as these: some dozen pages. */
const PAGE = 512;

function swapped(bytes: Buffer, random: Random): Buffer {
  const pages = Math.floor(bytes.length / PAGE);
  const [a, b] = [random.int(pages) * PAGE, random.int(pages) * PAGE];
  const held = Buffer.from(bytes.subarray(a, a + PAGE));
  bytes.copy(bytes, a, b, b + PAGE);
  held.copy(bytes, b);
  return bytes;
}

function blank(bytes: Buffer, random: Random): Buffer {
  const at = random.int(Math.floor(bytes.length / PAGE)) * PAGE;
  return bytes.fill(0, at, at + PAGE);
}

let home: string;
let directory: string;
let old: Snapshot;
let base: Snapshot;
let good: Buffer;
let whole: string;

const openAgain = (): Promise<Snapshots> => openSnapshots(directory, { clock: CLOCK, log: "log" });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-mutants-"));
  directory = join(home, "snapshots");
  const snapshots = await openAgain();
  old = await snapshots.write(baseOf(await foldsOf(EVENTS.slice(0, OLD))));
  base = await snapshots.write(baseOf(await foldsOf(EVENTS.slice(0, NEW))));
  good = await readFile(base.path);
  whole = await digestOf(await foldsOf(EVENTS));
});
afterAll(() => rm(home, { recursive: true }));

/** The file as it is damaged by mutant `m`; undefined where chance has changed nothing. */
function mutant(m: number): { name: string; bytes: Buffer } | undefined {
  const random = new Random(`mutant ${m}`);
  const [name, change] = DAMAGES[m % DAMAGES.length]!;
  const bytes = change(Buffer.from(good), random);
  return bytes.equals(good) ? undefined : { name, bytes };
}

/** The error that `use` ends with. */
async function failure(use: () => Promise<unknown>): Promise<unknown> {
  try {
    await use();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Every state that is given out before it ends, well or badly. */
async function statesGiven(snapshot: Snapshot): Promise<{ count: number; error: unknown }> {
  let count = 0;
  const error = await failure(async () => {
    for await (const _ of snapshot.states()) count++;
  });
  return { count, error };
}

describe(`${MUTANTS} damaged files`, () => {
  it("are each refused or passed over, and what is used instead is right to the bit", async () => {
    const refused: Record<string, number> = {};
    for (let m = 0; m < MUTANTS; m++) {
      const made = mutant(m);
      if (made === undefined) continue;
      await writeFile(base.path, made.bytes);
      const snapshots = await openAgain();
      const label = `mutant ${m}, ${made.name}`;

      // Who holds the snapshot from before is told, or gets a part that is whole.
      const catalog = await failure(() => base.catalog());
      const states = await statesGiven(base);
      expect([label, catalog !== undefined || states.error !== undefined]).toEqual([label, true]);
      for (const error of [catalog, states.error]) {
        if (error === undefined) continue;
        expect([label, error instanceof UpnextError && error.code]).toEqual([label, "snapshot_corrupt"]);
        expect((error as UpnextError).message).toMatch(
          /600\.snapshot: expected .+, got .+\. Delete the file/s,
        );
      }
      if (states.error !== undefined) expect([label, states.count]).toEqual([label, 0]);

      // Who starts falls back.
      const found = await snapshots.base();
      expect([label, found?.offset]).toEqual([label, OLD]);
      expect([label, snapshots.damaged.get(base.path) !== undefined]).toEqual([label, true]);
      const newest = await snapshots.newest();
      expect([label, newest?.offset]).toEqual([label, catalog === undefined ? NEW : OLD]);
      if (m % 10 === 0)
        expect([label, await digestOf(await resumed(found!, EVENTS))]).toEqual([label, whole]);
      if (catalog === undefined && m % 10 === 5) {
        const again = await newest!.catalog();
        const fresh = (await foldsOf(EVENTS.slice(0, NEW))).catalog;
        expect([...again.statistics.heat.slice(0, again.size)]).toEqual([
          ...fresh.statistics.heat.slice(0, fresh.size),
        ]);
      }
      refused[made.name] = (refused[made.name] ?? 0) + 1;
    }
    expect(Object.keys(refused).length).toBe(DAMAGES.length);
    expect(Object.values(refused).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(600);
    await writeFile(base.path, good);
    expect((await (await openAgain()).base())?.offset).toBe(NEW);
  }, 120_000);

  it("and a whole file under the name of another offset is refused too", async () => {
    const elsewhere = join(home, "elsewhere");
    await mkdir(elsewhere);
    await copyFile(base.path, join(elsewhere, basename(old.path)));
    const snapshots = await openSnapshots(elsewhere, { clock: CLOCK, log: "log" });
    expect(await snapshots.newest()).toBeUndefined();
    expect([...snapshots.damaged.values()][0]).toContain(
      "expected a snapshot at offset 200, as its name says, got one at 600",
    );
  });
});
