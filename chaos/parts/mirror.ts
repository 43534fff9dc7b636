/**
 * What a directory must be, worked out beside it: a catalog and plain states that take in the log's events as they
 * appear and never start again. A directory that was killed and opened is compared with them.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { catalogDigest, createCatalog } from "../../src/catalog/index.ts";
import type { Offset, UserId } from "../../src/core/index.ts";
import { type LoggedEvent, openFileLog } from "../../src/events/index.ts";
import { DEFAULT_LIMITS, openStateStore, type StatePlace, type StateStore } from "../../src/state/index.ts";
import { PlainStates } from "./plain-states.ts";
import { KNOWN_USERS, userOf } from "./sent-events.ts";

/** What is wrong with a directory, counted; all 0 where every promise holds. */
export interface Wrongs {
  /** Acknowledged events, erasures among them, that are not in the log. */
  lost: number;
  /** Events that are in the log more than once. */
  repeated: number;
  /** Users whose state is not the fold of the log. */
  states: number;
  /** Catalogs that are not the fold of the log. */
  catalogs: number;
  /** Forgotten users of whom a file or the log still has something. */
  remembered: number;
}

/** What an instance says of itself once it is ready; a part is absent where nobody can look at it. */
export interface Report {
  readonly end?: number;
  /** Digest of its catalog, with the facts of KNOWN_USERS. */
  readonly catalog?: string;
}

/** What is in a log: where it begins, ids, and when users were forgotten. */
interface Contents {
  readonly first: number;
  readonly ids: ReadonlySet<string>;
  readonly forgotten: ReadonlyMap<string, number>;
}

/** So long may a store need to write what an instance that does nothing has taken. */
const BEHIND_MS = 10_000;

export class Mirror {
  private readonly directory: string;
  private readonly place: StatePlace;
  /** What the states of the directory must be. */
  readonly states = new PlainStates(DEFAULT_LIMITS);
  private readonly catalog = createCatalog();
  /** Where each event is or was, by its id. */
  private readonly offsets = new Map<string, number>();
  private repeated = 0;

  /** @param place where the directory's states are */
  constructor(directory: string, place: StatePlace) {
    this.directory = directory;
    this.place = place;
  }

  /** Compares the directory of an instance that is open and does nothing. */
  async check(
    report: Report,
    acknowledged: ReadonlySet<string>,
    acknowledgedErasures: ReadonlySet<string>,
  ): Promise<Wrongs> {
    const contents = await this.readLog();
    const { ids, forgotten } = contents;
    const catalog = catalogDigest(this.catalog, KNOWN_USERS as UserId[]);
    const wrongs = {
      lost: this.lostOf(contents, acknowledged, acknowledgedErasures),
      repeated: this.repeated,
      states: 0,
      catalogs: report.catalog !== undefined && report.catalog !== catalog ? 1 : 0,
      remembered: await this.remembered(ids, forgotten),
    };
    const store = await openStateStore(this.place, {});
    try {
      const end = this.catalog.applied;
      const applied = await untilApplied(store, end);
      wrongs.states = await this.states.differences(store);
      if (applied !== end || (report.end ?? end) !== end) wrongs.states++;
    } finally {
      await store.close();
    }
    return wrongs;
  }

  /** What is lost in a directory that no instance opens; all of it where the log cannot be read. */
  async lost(acknowledged: ReadonlySet<string>, acknowledgedErasures: ReadonlySet<string>): Promise<number> {
    try {
      return this.lostOf(await this.readLog(), acknowledged, acknowledgedErasures);
    } catch {
      return acknowledged.size + acknowledgedErasures.size;
    }
  }

  /** Takes in what is new, before a start may drop it from the log. */
  async follow(): Promise<void> {
    if (existsSync(join(this.directory, "log"))) await this.readLog();
  }

  /** Reads the whole log; takes what is new into catalog and states. Throws where an offset is left out. */
  private async readLog(): Promise<Contents> {
    const log = await openFileLog(join(this.directory, "log"), { readOnly: true });
    const ids = new Set<string>();
    const forgotten = new Map<string, number>();
    let next: number = log.first;
    try {
      for await (const batch of log.read(0 as Offset)) {
        for (const { offset, event } of batch) {
          if (offset !== next++) throw new Error(`the log has event ${offset} where ${next - 1} is expected`);
          ids.add(event.id);
          if (event.kind === "erasure")
            forgotten.set(event.user, Math.max(event.time, forgotten.get(event.user) ?? 0));
        }
        this.take(batch.filter(({ offset }) => offset >= this.catalog.applied));
      }
      return { first: log.first, ids, forgotten };
    } finally {
      await log.close();
    }
  }

  private take(fresh: readonly LoggedEvent[]): void {
    if (fresh.length === 0) return;
    for (const { offset, event } of fresh) {
      if (this.offsets.has(event.id)) this.repeated++;
      this.offsets.set(event.id, offset);
    }
    this.catalog.apply(fresh);
    this.states.apply(fresh);
  }

  /** Acknowledged events that are neither in the log nor were dropped from it or made anonymous on purpose. */
  private lostOf(
    { first, ids, forgotten }: Contents,
    acknowledged: ReadonlySet<string>,
    acknowledgedErasures: ReadonlySet<string>,
  ): number {
    let lost = 0;
    for (const id of acknowledged) {
      const dropped = (this.offsets.get(id) ?? first) < first;
      if (!ids.has(id) && !dropped && !forgotten.has(userOf(id))) lost++;
    }
    for (const user of acknowledgedErasures) if (!forgotten.has(user)) lost++;
    return lost;
  }

  /**
   * Of how many forgotten users an event's id is in the log or in any file. LMDB is asked for its contents (the states
   * are compared): pages that it has freed keep their bytes until they are used again.
   */
  private async remembered(
    ids: ReadonlySet<string>,
    forgotten: ReadonlyMap<string, number>,
  ): Promise<number> {
    if (forgotten.size === 0) return 0;
    const found = new Set([...ids].map(userOf).filter((user) => forgotten.has(user)));
    for (const path of await filesIn(this.directory)) {
      const bytes = await readFile(path);
      for (const user of forgotten.keys()) if (bytes.includes(`${user}/`)) found.add(user);
    }
    return found.size;
  }
}

/** The store writes behind the log: waits until its file has everything, and resolves with what it says that it has. */
async function untilApplied(store: StateStore, end: number): Promise<number> {
  const late = performance.now() + BEHIND_MS;
  for (;;) {
    const applied = await store.readApplied();
    if (applied >= end || performance.now() > late) return applied;
    await sleep(10);
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && !entry.parentPath.startsWith(join(directory, "state")),
  );
  return files.map((entry) => join(entry.parentPath, entry.name));
}
