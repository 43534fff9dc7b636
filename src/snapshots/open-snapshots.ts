/**
 * A directory of snapshots: one file each, and for moments one that is being written.
 *
 * What changes the directory goes one after the other: an erasure that comes while a snapshot is written waits for it
 * and then finds it, and a snapshot that waits for an erasure copies the catalog when its turn has come, without what
 * was erased.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CatalogImage } from "../catalog/index.ts";
import {
  type Clock,
  type EpochMs,
  errorCode,
  type Offset,
  syncDirectory,
  syncTree,
  type UserId,
} from "../core/index.ts";
import { encodeStates, type UserState } from "../state/index.ts";
import { forgetInFile } from "./forget-in-file.ts";
import { catalogIn, statesIn } from "./snapshot-content.ts";
import {
  asCorrupt,
  isCorrupt,
  type Manifest,
  PARTS,
  type PartName,
  SnapshotReader,
  SnapshotWriter,
  withReader,
} from "./snapshot-file.ts";
import type { Snapshot, SnapshotParts, Snapshots, Wanted } from "./snapshots.ts";

export interface SnapshotsOptions {
  readonly clock: Clock;
  /** Id of the log; a snapshot of another log is left out. */
  readonly log: string;
}

const SUFFIX = ".snapshot";
const NAME = /^\d{20}\.snapshot$/;
const UNFINISHED_NAME = /^\d{20}\.snapshot\.tmp$/;

/** The directory need not be there: the first snapshot makes it. */
export async function openSnapshots(directory: string, options: SnapshotsOptions): Promise<Snapshots> {
  return new SnapshotDirectory(directory, options);
}

/** What the files of a directory are. */
interface Look {
  /** Newest first. */
  readonly snapshots: readonly Snapshot[];
  /** Why each of the others may not be used, by path; what is found to be damaged later joins them. */
  readonly problems: Map<string, unknown>;
}

class SnapshotDirectory implements Snapshots {
  private readonly directory: string;
  private readonly clock: Clock;
  private readonly log: string;
  private problems: ReadonlyMap<string, unknown> = new Map();
  /** What this process has read whole and found good: for each part of each path the identity of the file. */
  private readonly whole = new Map<string, string>();
  private changing: Promise<unknown> = Promise.resolve();

  constructor(directory: string, { clock, log }: SnapshotsOptions) {
    this.directory = directory;
    this.clock = clock;
    this.log = log;
  }

  get damaged(): ReadonlyMap<string, string> {
    return new Map([...this.problems].map(([path, cause]) => [path, asCorrupt(path, cause).message]));
  }

  async list(): Promise<readonly Snapshot[]> {
    return (await this.look()).snapshots;
  }

  async newest({
    from = 0 as Offset,
    through = Infinity as Offset,
  }: Wanted = {}): Promise<Snapshot | undefined> {
    const look = await this.look();
    const wanted = look.snapshots.filter(({ offset }) => offset >= from && offset <= through);
    return this.firstWhole(wanted, look, ["catalog"]);
  }

  async base({
    from = 0 as Offset,
    through = Infinity as Offset,
  }: Wanted = {}): Promise<Snapshot | undefined> {
    const look = await this.look();
    const wanted = look.snapshots.filter(
      ({ offset, statesThrough }) => offset >= from && statesThrough !== null && statesThrough <= through,
    );
    return this.firstWhole(wanted, look, PARTS);
  }

  write({ catalog, states }: SnapshotParts): Promise<Snapshot> {
    return this.alone(async () => {
      // One moment, before anything is waited for.
      const image = catalog.image();
      if ((await mkdir(this.directory, { recursive: true })) !== undefined)
        await syncDirectory(dirname(this.directory));
      await this.removeUnfinished();
      const look = await this.look();
      const same = look.snapshots.filter(
        ({ offset, statesThrough }) =>
          offset === image.offset && (states === undefined || statesThrough !== null),
      );
      const there = await this.firstWhole(same, look, states === undefined ? ["catalog"] : PARTS);
      return there ?? (await this.writeFile(image, states));
    });
  }

  forget(erasures: ReadonlyMap<UserId, number>): Promise<number> {
    return this.alone(async () => {
      await this.removeUnfinished();
      let changed = 0;
      for (const offset of await this.offsets()) {
        if (await this.forgetIn(this.pathOf(offset), offset, erasures)) changed++;
      }
      return changed;
    });
  }

  prune(keep: number): Promise<void> {
    return this.alone(async () => {
      await this.removeUnfinished();
      const look = await this.look();
      const bases = look.snapshots.filter(({ statesThrough }) => statesThrough !== null);
      const base = await this.firstWhole(bases, look, PARTS);
      const kept = look.snapshots.slice(0, keep);
      if (base !== undefined) kept.push(base);
      const old = look.snapshots.filter(
        // One that the file system would not let us read now may be the only base all the same.
        (snapshot) => !kept.includes(snapshot) && !look.problems.has(snapshot.path),
      );
      const broken = [...look.problems].filter(([, cause]) => isCorrupt(cause));
      for (const path of [...old.map(({ path }) => path), ...broken.map(([path]) => path)])
        await this.remove(path);
    });
  }

  async verify(): Promise<readonly string[]> {
    const look = await this.look();
    for (const { path, offset } of look.snapshots) {
      try {
        await withReader(path, offset, async (reader) => {
          await catalogIn(reader);
          if (reader.has("states")) for await (const _ of statesIn(reader));
        });
      } catch (cause) {
        if (errorCode(cause) !== "ENOENT") look.problems.set(path, cause);
      }
    }
    return [...this.damaged.values()];
  }

  /** Runs one change of the directory after the other. */
  private alone<T>(change: () => Promise<T>): Promise<T> {
    const done = this.changing.catch(() => {}).then(change);
    this.changing = done;
    return done;
  }

  private async writeFile(image: CatalogImage, states: SnapshotParts["states"]): Promise<Snapshot> {
    const path = this.pathOf(image.offset);
    const writer = await SnapshotWriter.begin(path, image.offset);
    try {
      await writer.part("catalog", image.chunks());
      if (states) await writer.part("states", encodeStates(states.each(image.offset)));
      const statesThrough = states?.through() ?? null;
      await writer.commit({ log: this.log, statesThrough, createdAt: this.clock.now() });
    } catch (cause) {
      await writer.discard();
      throw cause;
    }
    return withReader(path, image.offset, async ({ manifest, bytes }) =>
      this.snapshotOf(path, manifest, bytes),
    );
  }

  /** Whether the file had to be written anew or removed. */
  private async forgetIn(
    path: string,
    offset: number,
    erasures: ReadonlyMap<UserId, number>,
  ): Promise<boolean> {
    try {
      return await forgetInFile(path, offset, erasures);
    } catch (cause) {
      // What failed for another reason, a full disk, can be tried again.
      if (!isCorrupt(cause)) throw cause;
      await this.remove(path);
      return true;
    }
  }

  private async look(): Promise<Look> {
    const problems = new Map<string, unknown>();
    const snapshots: Snapshot[] = [];
    for (const offset of await this.offsets()) {
      const path = this.pathOf(offset);
      try {
        const { manifest, bytes } = await withReader(path, offset, async (reader) => reader);
        if (manifest.log === this.log) snapshots.push(this.snapshotOf(path, manifest, bytes));
        else problems.set(path, new Error(`one of the log ${manifest.log}, where this log is ${this.log}`));
      } catch (cause) {
        // Who writes removes old ones meanwhile.
        if (errorCode(cause) !== "ENOENT") problems.set(path, cause);
      }
    }
    this.problems = problems;
    return { snapshots, problems };
  }

  /** The first whose parts are whole. */
  private async firstWhole(
    snapshots: readonly Snapshot[],
    { problems }: Look,
    parts: readonly PartName[],
  ): Promise<Snapshot | undefined> {
    for (const snapshot of snapshots) {
      const { path, offset } = snapshot;
      try {
        await withReader(path, offset, (reader) => this.assertWhole(reader, parts));
        return snapshot;
      } catch (cause) {
        problems.set(path, cause);
      }
    }
    return undefined;
  }

  /** Reads the parts to their end, unless this process did so before and the file is still the same. */
  private async assertWhole(reader: SnapshotReader, parts: readonly PartName[]): Promise<void> {
    for (const part of parts) {
      const key = `${part} of ${reader.path}`;
      if (this.whole.get(key) === reader.identity) continue;
      for await (const _ of reader.chunks(part));
      this.whole.set(key, reader.identity);
    }
  }

  private snapshotOf(path: string, manifest: Manifest, bytes: number): Snapshot {
    const offset = manifest.offset as Offset;
    return {
      path,
      offset,
      statesThrough: manifest.statesThrough as Offset | null,
      bytes,
      createdAt: manifest.createdAt as EpochMs,
      catalog: () =>
        withReader(path, offset, catalogIn).catch((cause: unknown) => {
          throw asCorrupt(path, cause);
        }),
      states: () => this.statesOf(path, offset),
    };
  }

  private async *statesOf(path: string, offset: Offset): AsyncGenerator<UserState> {
    let reader: SnapshotReader | undefined;
    try {
      reader = await SnapshotReader.open(path, offset);
      await this.assertWhole(reader, ["states"]);
      yield* statesIn(reader);
    } catch (cause) {
      throw asCorrupt(path, cause);
    } finally {
      await reader?.close();
    }
  }

  /** What a killed writer left: there is one at a time, and it is here. */
  private async removeUnfinished(): Promise<void> {
    for (const name of await this.names()) {
      if (UNFINISHED_NAME.test(name)) await rm(join(this.directory, name), { force: true });
    }
  }

  private async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    await syncTree(this.directory);
  }

  private async names(): Promise<readonly string[]> {
    try {
      return await readdir(this.directory);
    } catch (cause) {
      if (errorCode(cause) === "ENOENT") return [];
      throw cause;
    }
  }

  /** Newest first. */
  private async offsets(): Promise<readonly number[]> {
    const names = (await this.names()).filter((name) => NAME.test(name));
    return names.map((name) => Number(name.slice(0, -SUFFIX.length))).sort((a, b) => b - a);
  }

  private pathOf(offset: number): string {
    return join(this.directory, `${String(offset).padStart(20, "0")}${SUFFIX}`);
  }
}
