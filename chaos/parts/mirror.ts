/**
 * What a directory must be, worked out beside it: a catalog and plain states that take in the log's events as they
 * appear and never start again. A directory that was killed and opened is compared with them.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { catalogDigest, createCatalog } from "../../src/catalog/index.ts";
import type { Offset, UserId } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { DEFAULT_LIMITS, openLmdbStore } from "../../src/state/index.ts";
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

/** What is in a log: ids in order, and when users were forgotten. */
interface Contents {
  readonly ids: readonly string[];
  readonly forgotten: ReadonlyMap<string, number>;
}

export class Mirror {
  private readonly directory: string;
  private readonly catalog = createCatalog();
  private readonly states = new PlainStates(DEFAULT_LIMITS);

  constructor(directory: string) {
    this.directory = directory;
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
      lost: lostOf(contents, acknowledged, acknowledgedErasures),
      repeated: ids.length - new Set(ids).size,
      states: 0,
      catalogs: report.catalog !== undefined && report.catalog !== catalog ? 1 : 0,
      remembered: await this.remembered(ids, forgotten),
    };
    const store = await openLmdbStore({ path: join(this.directory, "state") }, {});
    try {
      wrongs.states = await this.states.differences(store);
      const end = this.catalog.applied;
      if (store.applied !== end || (report.end ?? end) !== end) wrongs.states++;
    } finally {
      await store.close();
    }
    return wrongs;
  }

  /** What is lost in a directory that no instance opens; all of it where the log cannot be read. */
  async lost(acknowledged: ReadonlySet<string>, acknowledgedErasures: ReadonlySet<string>): Promise<number> {
    try {
      return lostOf(await this.readLog(), acknowledged, acknowledgedErasures);
    } catch {
      return acknowledged.size + acknowledgedErasures.size;
    }
  }

  /** Reads the whole log; takes what is new into catalog and states. Throws where an offset is left out. */
  private async readLog(): Promise<Contents> {
    const log = await openFileLog(join(this.directory, "log"), { readOnly: true });
    const ids: string[] = [];
    const forgotten = new Map<string, number>();
    let next: number = log.first;
    try {
      for await (const batch of log.read(0 as Offset)) {
        for (const { offset, event } of batch) {
          if (offset !== next++) throw new Error(`the log has event ${offset} where ${next - 1} is expected`);
          ids.push(event.id);
          if (event.kind === "erasure")
            forgotten.set(event.user, Math.max(event.time, forgotten.get(event.user) ?? 0));
        }
        const fresh = batch.filter(({ offset }) => offset >= this.catalog.applied);
        if (fresh.length === 0) continue;
        this.catalog.apply(fresh);
        this.states.apply(fresh);
      }
    } finally {
      await log.close();
    }
    return { ids, forgotten };
  }

  /**
   * Of how many forgotten users an event's id is in the log or in any file. LMDB is asked for its contents (the states
   * are compared): pages that it has freed keep their bytes until they are used again.
   */
  private async remembered(ids: readonly string[], forgotten: ReadonlyMap<string, number>): Promise<number> {
    if (forgotten.size === 0) return 0;
    const found = new Set(ids.map(userOf).filter((user) => forgotten.has(user)));
    for (const path of await filesIn(this.directory)) {
      const bytes = await readFile(path);
      for (const user of forgotten.keys()) if (bytes.includes(`${user}/`)) found.add(user);
    }
    return found.size;
  }
}

function lostOf(
  { ids, forgotten }: Contents,
  acknowledged: ReadonlySet<string>,
  acknowledgedErasures: ReadonlySet<string>,
): number {
  const present = new Set(ids);
  let lost = 0;
  for (const id of acknowledged) if (!present.has(id) && !forgotten.has(userOf(id))) lost++;
  for (const user of acknowledgedErasures) if (!forgotten.has(user)) lost++;
  return lost;
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && !entry.parentPath.startsWith(join(directory, "state")),
  );
  return files.map((entry) => join(entry.parentPath, entry.name));
}
