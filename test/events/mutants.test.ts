/**
 * Files that are not what was written: bits flipped, ends missing, pages in each other's place, zeros, other versions,
 * other files. Whatever is opened gives exactly the acknowledged events or refuses with a named code.
 *
 * The one thing that cannot be told apart: where the writer was killed, that its last frames are damaged, and that they
 * were being written at that moment. There, behind the end mark, and only there, events may be missing.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Offset, Random, UpnextError } from "../../src/core/index.ts";
import { type Event, type LoggedEvent, openFileLog } from "../../src/events/index.ts";
import { noteLine } from "../../src/events/note-file.ts";
import { mixedEvents, userId } from "./mixed-events.ts";

const { UPNEXT_MUTANTS = "700", UPNEXT_SEED = "1" } = process.env;
const MUTANTS = Number(UPNEXT_MUTANTS);
const PAGE = 4096;
const COUNT = 1500;
const EVENTS = mixedEvents(COUNT, "mutants");
/** Those before it are in full segments. */
const ACTIVE = COUNT - 180;
const CODES = ["log_corrupt", "log_unavailable", "log_locked"];

/** The frame of the active segment before which the end mark stands where the writer was killed. */
const MARKED = 5;

type Files = ReadonlyMap<string, Buffer>;

let root: string;
let directory: string;
/** A log that was closed, and one whose writer was killed; each with dropped, compacted, sealed and active segments. */
let closed: Files;
let killed: Files;
/** What both hold. */
let whole: readonly LoggedEvent[];
/** The same, each as JSON: many comparisons are made. */
let lines: readonly string[];
/** Where the frames of the active segment begin, with the offset of the first event of each. */
let frames: readonly { readonly position: number; readonly offset: number }[];
let active: string;

beforeAll(async () => {
  // A thousand logs are opened: not on a disk, where each waits for it.
  root = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "upnext-mutants-"));
  directory = join(root, "log");
  const log = await openFileLog(directory, { segmentBytes: 18_000 });
  const add = async (events: readonly Event[]) => {
    for (let n = 0; n < events.length; n += 20) await log.append(events.slice(n, n + 20));
  };
  await add(EVENTS.slice(0, 1200));
  await log.dropBefore(500 as Offset);
  await log.compact(new Map([[userId(3), Infinity]]), log.end);
  await add(EVENTS.slice(1200, ACTIVE));
  await log.rotate();
  const begins: { position: number; offset: number }[] = [];
  for (let n = ACTIVE; n < COUNT; n += 20) {
    begins.push({ position: log.segments.at(-1)!.bytes, offset: log.end });
    await log.append(EVENTS.slice(n, n + 20));
  }
  frames = begins;
  whole = await readAll(log);
  lines = whole.map((logged) => JSON.stringify(logged));
  const last = log.segments.at(-1)!;
  active = last.path.slice(directory.length + 1);
  expect(last.base).toBe(ACTIVE);
  expect(last.bytes).toBeGreaterThan(2 * PAGE);
  expect(log.first).toBeGreaterThan(300);
  expect(log.segments.length).toBeGreaterThan(5);
  const files = await filesOf();
  await log.close();
  closed = await filesOf();
  const mark = noteLine("end", String(frames[MARKED]!.offset).padStart(20, "0"));
  killed = new Map(files).set("end", Buffer.from(mark));
  expect(closed.get("end")!.length).toBe(mark.length);
});

afterAll(() => rm(root, { recursive: true }));

async function filesOf(): Promise<Files> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(directory))
    if (name !== "lock") files.set(name, await readFile(join(directory, name)));
  return files;
}

function lay(files: Files): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
}

async function readAll(log: { read(from: Offset): AsyncIterable<readonly LoggedEvent[]> }) {
  const all: LoggedEvent[] = [];
  for await (const batch of log.read(0 as Offset)) all.push(...batch);
  return all;
}

/** Changes one file, or two, of the log; undefined where that is not possible. Returns what was done, in words. */
type Mutation = (files: Map<string, Buffer>, name: string, random: Random) => string | undefined;

const below = (random: Random, n: number) => Math.floor(random.next() * n);

const edited = (files: Map<string, Buffer>, name: string) => {
  const bytes = Buffer.from(files.get(name)!);
  files.set(name, bytes);
  return bytes;
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit flipped"(files, name, random) {
    const bytes = edited(files, name);
    const at = below(random, bytes.length);
    const bit = below(random, 8);
    bytes[at]! ^= 1 << bit;
    return `bit ${bit} of byte ${at}`;
  },
  "bits flipped"(files, name, random) {
    const bytes = edited(files, name);
    for (let n = 0; n < 8; n++) bytes[below(random, bytes.length)]! ^= 1 << below(random, 8);
    return "eight bits";
  },
  "cut off"(files, name, random) {
    const bytes = files.get(name)!;
    const length = below(random, bytes.length);
    files.set(name, bytes.subarray(0, length));
    return `at ${length}`;
  },
  lengthened(files, name, random) {
    const bytes = files.get(name)!;
    const more = Buffer.alloc(1 + below(random, 5000), random.next() < 0.5 ? 0 : 0xf5);
    files.set(name, Buffer.concat([bytes, more]));
    return `by ${more.length} times ${more[0]}`;
  },
  "pages swapped"(files, name, random) {
    const pages = Math.floor(files.get(name)!.length / PAGE);
    if (pages < 2) return undefined;
    const bytes = edited(files, name);
    const a = below(random, pages);
    const b = (a + 1 + below(random, pages - 1)) % pages;
    const held = Buffer.from(bytes.subarray(a * PAGE, (a + 1) * PAGE));
    bytes.copy(bytes, a * PAGE, b * PAGE, (b + 1) * PAGE);
    held.copy(bytes, b * PAGE);
    return `${a} and ${b}`;
  },
  "a page of another file"(files, name, random) {
    const bytes = edited(files, name);
    const others = [...files].filter(([other, held]) => other !== name && held.length >= PAGE);
    const [other, held] = others[below(random, others.length)]!;
    if (bytes.length < PAGE) return undefined;
    const page = below(random, Math.floor(bytes.length / PAGE));
    held.copy(bytes, page * PAGE, 0, PAGE);
    return `page ${page} from ${other}`;
  },
  zeroed(files, name, random) {
    const bytes = edited(files, name);
    const from = below(random, bytes.length);
    const to = from + 1 + below(random, Math.min(6000, bytes.length - from));
    bytes.fill(0, from, to);
    return `${from} to ${to}`;
  },
  "other version"(files, name, random) {
    const bytes = edited(files, name);
    const version = 3 + below(random, 100);
    if (name.endsWith(".log")) {
      bytes.writeUInt32LE(version, 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
    } else if (name.endsWith(".ids")) {
      bytes.writeUInt32LE(version, 4);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
    } else return undefined;
    return String(version);
  },
  "files swapped"(files, name, random) {
    const kind = name.slice(-4);
    const others = [...files.keys()].filter((other) => other !== name && other.endsWith(kind));
    const other = others[below(random, others.length)];
    if (other === undefined) return undefined;
    const held = files.get(name)!;
    files.set(name, files.get(other)!);
    files.set(other, held);
    return `with ${other}`;
  },
  "as another file"(files, name, random) {
    const names = [...files.keys()].filter((other) => other !== name);
    const other = names[below(random, names.length)]!;
    files.set(name, files.get(other)!);
    return `is ${other}`;
  },
  missing(files, name) {
    files.delete(name);
    return "";
  },
};

/** How many events the log may have lost: those of the last frames, behind the mark and with none whole among them. */
function mayLack(pristine: Files, files: Files): number {
  if (pristine === closed) return 0;
  const before = pristine.get(active)!;
  const after = files.get(active) ?? Buffer.alloc(0);
  let at = 0;
  while (at < before.length && before[at] === after[at]) at++;
  if (at === before.length) return 0;
  const damaged = frames.findLastIndex(({ position }) => position <= at);
  // Without its mark the log takes all of this segment's last frames on trust.
  const hasMark = files.get("end")?.equals(pristine.get("end")!) === true;
  if (damaged < (hasMark ? MARKED : 0)) return 0;
  // Frames behind it that are whole in their place show that it was durable once.
  for (let n = damaged + 1; n < frames.length; n++) {
    const from = frames[n]!.position;
    const to = frames[n + 1]?.position ?? before.length;
    if (before.subarray(from, to).equals(after.subarray(from, to))) return 0;
  }
  return COUNT - frames[damaged]!.offset;
}

interface Outcome {
  /** The code of the refusal, or how it went. */
  readonly result: string;
  readonly lacking: number;
}

async function outcome(files: Files, readOnly: boolean): Promise<Outcome> {
  lay(files);
  let log: Awaited<ReturnType<typeof openFileLog>>;
  try {
    log = await openFileLog(directory, { readOnly });
  } catch (error) {
    return { result: codeOf(error), lacking: 0 };
  }
  const seen: LoggedEvent[] = [];
  try {
    for await (const batch of log.read(0 as Offset)) seen.push(...batch);
    if (seen.length > whole.length) throw new Error(`${seen.length} events`);
    const lacking = whole.length - seen.length;
    if (!readOnly) {
      // Whoever is missing is new, and nobody else: the ids are right.
      const { accepted } = await log.append(EVENTS);
      if (log.warnings.length === 0) expect(accepted).toBe(lacking);
    }
    return { result: lacking === 0 ? "whole" : "cut", lacking };
  } catch (error) {
    return { result: codeOf(error), lacking: 0 };
  } finally {
    // Whatever came before an error was right.
    const wrong = seen.findIndex((logged, n) => JSON.stringify(logged) !== lines[n]);
    if (wrong >= 0) expect(seen[wrong]).toEqual(whole[wrong]);
    await log.close();
  }
}

function codeOf(error: unknown): string {
  if (error instanceof UpnextError && CODES.includes(error.code)) return error.code;
  throw error;
}

describe(`${MUTANTS} mutants of a log's files`, () => {
  it(
    "are taken as they are by nobody: the events are those that were written, or there is a reason",
    async () => {
      const random = new Random(`mutants ${UPNEXT_SEED}`);
      const counts: Record<string, number> = {};
      const kinds = Object.entries(MUTATIONS);
      for (let n = 0; n < MUTANTS; ) {
        const pristine = random.next() < 0.5 ? closed : killed;
        const names = [...pristine.keys()];
        const [kind, mutate] = kinds[below(random, kinds.length)]!;
        // The active segment and the small files are few among many: each has a share of its own.
        const share = random.next();
        const small = names.filter((other) => !other.includes("."));
        const candidates = share < 0.2 ? [active] : share < 0.4 ? small : names;
        const name = candidates[below(random, candidates.length)]!;
        const files = new Map(pristine);
        const words = mutate(files, name, random);
        if (words === undefined) continue;
        n++;
        const readOnly = random.next() < 0.3;
        const what = `${pristine === closed ? "closed" : "killed"}, ${readOnly ? "read" : "write"}: ${name} ${kind} ${words}`;
        try {
          const { result, lacking } = await outcome(files, readOnly);
          if (lacking > 0) expect(lacking).toBe(mayLack(pristine, files));
          counts[result] = (counts[result] ?? 0) + 1;
        } catch (error) {
          throw new Error(what, { cause: error });
        }
      }
      // It has teeth: most are found, some change nothing that counts, few are torn tails.
      expect(counts["log_corrupt"]).toBeGreaterThan(MUTANTS * 0.3);
      expect(counts["whole"]).toBeGreaterThan(MUTANTS * 0.1);
      expect(counts["cut"]).toBeGreaterThan(0);
      if (process.env["UPNEXT_MUTANTS"] !== undefined) console.log(counts);
    },
    60_000 + 500 * MUTANTS,
  );
});
