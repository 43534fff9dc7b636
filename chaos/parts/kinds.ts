/** The kinds of work that `npm run chaos -- kill` interrupts: a new one is an entry here and a function in work.child.ts. */
import { basename, join } from "node:path";
import { silent, UpnextError } from "../../src/core/index.ts";
import type { LmdbPlace } from "../../src/state/index.ts";
import { redisMissing, redisServer } from "../../test/servers/redis.ts";
import { type Child, commandLine, work } from "./child.ts";
import type { Kind, Progress, Running } from "./lane.ts";
import { moveStates } from "./move-states.ts";
import type { PlainStates } from "./plain-states.ts";
import { eventOf, idOf } from "./sent-events.ts";

const beside = (directory: string): LmdbPlace => ({ store: "lmdb", path: join(directory, "state") });

interface LibraryWork {
  /** The function of work.child.ts, where the kind's name is not its name. */
  readonly work?: string;
  /** How the child calls the phase that the kind is named for. */
  readonly aim?: string;
}

/** One of the functions of work.child.ts, which uses the library. */
function library(name: string, more: Partial<Kind> & LibraryWork = {}): Kind {
  const { work: task = name, aim = "", placeOf = beside, ...others } = more;
  return {
    name,
    inPowerCuts: true,
    placeOf,
    start(directory, run) {
      const place = placeOf(directory);
      const state = JSON.stringify(place.store === "lmdb" ? "lmdb" : place);
      const child = work("work.child.ts", task, [directory, run, state]);
      return {
        pid: child.process.pid!,
        ready: async () => (await child.said("ready")) !== undefined,
        async settled() {
          const line = await child.said("settled ");
          return line === undefined ? undefined : JSON.parse(line.slice("settled ".length));
        },
        async begin(again, aimed) {
          child.tell(`go ${JSON.stringify(again)}`);
          await child.said(`p ${aimed ? aim : ""}`);
        },
        progress: () => told(child),
        kill: () => child.kill(),
        complaint: () => child.complaint(),
      };
    },
    ...others,
  };
}

/** What a child's lines say. */
function told(child: Child): Progress {
  const after = (mark: string) =>
    child.lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  return {
    acknowledged: after("a ").flatMap((line) => line.split(" ")),
    forgotten: after("f "),
    phase: after("p ").at(-1) ?? (child.lines.includes("ready") ? "settle" : "start"),
  };
}

/** For `powercut`, and for nothing else: loses what it acknowledges. */
export const UNSYNCED: Kind = library("ingestUnsynced");

/** `upnext serve`, sent to over HTTP by several clients at once. */
const http: Kind = {
  name: "http",
  inPowerCuts: false, // the same writes as those of ingest
  placeOf: beside,
  start(directory, run) {
    const child = commandLine(directory, ["serve", "--port", "0", "--dir", directory]);
    const acknowledged: string[] = [];
    let phase = "start";
    let url = "";
    const send = async (ids: readonly string[]) => {
      const body = JSON.stringify({ events: ids.map(eventOf) });
      const headers = { "content-type": "application/json" };
      const { status } = await fetch(`${url}/v1/events`, { method: "POST", headers, body });
      if (status !== 200) throw new Error(`the server answered ${status}`);
      acknowledged.push(...ids);
    };
    const client = async (name: string, size: number) => {
      for (let n = 0; ; n += size) await send(Array.from({ length: size }, (_, i) => idOf(run, name, n + i)));
    };
    const clients: Promise<unknown>[] = [];
    return {
      async ready() {
        const line = await child.said("listening on ");
        if (line === undefined) return false;
        url = line.slice("listening on ".length);
        phase = "ready";
        return (await fetch(`${url}/readyz`)).status === 200;
      },
      settled: async () => ({}),
      async begin(again) {
        phase = "append";
        const begun = again.length > 0 ? send(again) : Promise.resolve();
        for (const [name, size] of Object.entries({ a: 1, b: 1, c: 7, d: 100 })) {
          clients.push(begun.then(() => client(name, size)));
        }
      },
      progress: () => ({ acknowledged, forgotten: [], phase }),
      async kill() {
        // Whoever waits for an answer is told that there is none.
        const gone = Promise.allSettled(clients);
        await child.kill();
        await gone;
      },
      complaint: () => child.complaint(),
      pid: child.process.pid!,
    } satisfies Running;
  },
};

/** The states are in Redis, which goes on living: each directory has a prefix of its own. */
function inRedis(): Kind {
  let url = "";
  return library("redis", {
    work: "erasure",
    aim: "forget",
    inPowerCuts: false,
    placeOf: (directory) => ({ store: "redis", url, prefix: basename(directory) }),
    async rent() {
      const server = await redisServer();
      url = server.url;
      return server;
    },
  });
}

/** Those whose servers are to be had here. */
export const KINDS: readonly Kind[] = [
  library("ingest"),
  http,
  library("compaction", { aim: "compact" }),
  library("snapshot", { aim: "snapshot" }),
  library("retention", { aim: "drop" }),
  library("erasure", { aim: "forget" }),
  library("migration", { aim: "migrate", inPowerCuts: false, differences: moved }), // its store flushes as the first one does
  ...(redisMissing === undefined ? [inRedis()] : []),
];

/** The kinds that "ingest,erasure" names; all of `among` where it names none. */
export function kindsNamed(only: string, among: readonly Kind[]): readonly Kind[] {
  const names = among.map(({ name }) => name);
  for (const name of only === "" ? [] : only.split(",")) {
    if (names.includes(name)) continue;
    throw new UpnextError(
      "invalid_request",
      `--only: expected names out of ${names.join(", ")}, got "${name}"`,
    );
  }
  return only === "" ? among : among.filter(({ name }) => only.split(",").includes(name));
}

/** Goes on with a migration that was killed, to its end. */
async function moved(directory: string, model: PlainStates): Promise<number> {
  let different = 0;
  await moveStates(directory, silent, async (target) => {
    different = await model.differences(target);
  });
  return different;
}
