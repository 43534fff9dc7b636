/**
 * User state: what a read and an append cost in every store, what ingest over HTTP takes, and what many users take of
 * memory and disk. The parts are in bench/state, each with what it measures and how.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STATE_STORES, type StatePlace } from "../src/state/index.ts";
import { dynamoDbServer } from "../test/servers/dynamodb.ts";
import { redisCluster, redisMissing, redisServer } from "../test/servers/redis.ts";
import { ingest } from "./state/ingest.ts";
import { figuresAcross, interleaved } from "./state/measure.ts";
import { population } from "./state/population.ts";
import { type OpenStateStore, type Servers, storeSubjects } from "./state/stores.ts";

export const about =
  "`stores`: a read of 50 touches and an append of one event, 1,000 users, one call at a time and 64 at once; bare LMDB get: the same bytes copied out and not decoded; bare Redis: the commands of the store's script as a plain pipeline, answers not decoded. CPU is the client's process, of Redis also the server's; DynamoDB is dynalite, a stand-in in the same process with 40 users: what it costs is mostly its own. An append to LMDB is answered before its file has it (the log has it), rate and CPU time include the file. `ingest`: `upnext serve` with LMDB, 20,000 users with 50 touches each, and the sender in another process, both on the same cores; an acknowledgement means durable and reflected; open loop: Poisson arrivals, times from the planned send. `users`: every user with 50 touches.";

const PARTS = ["stores", "ingest", "users"] as const;
/** Ten thousand take seconds; a million, half an hour. */
const USERS = 20_000;

/** Arguments: `--quick`; `--users N` for the last part; `--only stores`, `ingest` or `users`; `--dist PATH` of another build. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const option = (name: string): string | undefined => {
    const at = args.indexOf(name);
    return at < 0 ? undefined : args[at + 1];
  };
  const quick = args.includes("--quick");
  const only = option("--only");
  if (only !== undefined && !PARTS.some((part) => part === only)) {
    throw new Error(`bench/state: --only takes ${PARTS.join(", ")}, got ${only}`);
  }
  const dist = option("--dist") ?? join(import.meta.dirname, "..", "dist");
  const wanted = (part: (typeof PARTS)[number]) => only === undefined || only === part;
  const folder = await mkdtemp(join(tmpdir(), "upnext-bench-state-"));
  try {
    const result: Record<string, unknown> = {};
    if (wanted("stores")) result["stores"] = await stores(dist, join(folder, "stores"), quick ? 1 : 5);
    if (wanted("ingest")) {
      const directory = join(folder, "ingest");
      result["ingest"] = await ingest({ dist, directory, rounds: quick ? 1 : 5, seconds: quick ? 1 : 4 });
    }
    if (wanted("users")) {
      const users = Number(option("--users") ?? USERS);
      result["users"] = await withServers(join(folder, "users"), (servers) =>
        population(dist, servers, users),
      );
    }
    return result;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function stores(dist: string, folder: string, rounds: number): Promise<Record<string, unknown>> {
  return withServers(folder, async (servers) => {
    const { openStateStore } = (await import(join(dist, "state", "index.js"))) as {
      openStateStore: OpenStateStore;
    };
    const { subjects, bytesPerUser, close } = await storeSubjects(openStateStore, servers);
    try {
      const measured = await interleaved(subjects, rounds);
      return {
        rounds,
        "bytes a user": rowsOf(bytesPerUser),
        ...notMeasured(servers),
        figures: figuresAcross(measured),
      };
    } finally {
      await close();
    }
  });
}

function notMeasured({ places }: Servers): Record<string, string> {
  const missing = Object.keys(STATE_STORES).filter((name) => !places.has(name));
  return missing.length === 0 ? {} : { "not measured": `${missing.join(", ")}: ${redisMissing}` };
}

function rowsOf(figures: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  return Object.entries(figures).map(([store, of]) => ({
    store,
    ...Object.fromEntries(Object.entries(of).map(([what, bytes]) => [what, Math.round(bytes)])),
  }));
}

/** Starts a private server for each store that needs one and can have it. */
async function withServers<T>(folder: string, work: (servers: Servers) => Promise<T>): Promise<T> {
  const places = new Map<string, StatePlace>([
    ["memory", { store: "memory" }],
    ["lmdb", { store: "lmdb", path: join(folder, "lmdb") }],
  ]);
  const redis = new Map<string, readonly string[]>();
  const stops: (() => Promise<void>)[] = [];
  try {
    if (redisMissing === undefined) {
      const single = await redisServer();
      stops.push(() => single.stop());
      places.set("redis", { store: "redis", url: single.url });
      redis.set("redis", [single.url]);
      const cluster = await redisCluster();
      stops.push(() => cluster.stop());
      places.set("redis-cluster", { store: "redis-cluster", nodes: cluster.urls });
      redis.set("redis-cluster", cluster.urls);
    }
    const dynamoDb = await dynamoDbServer();
    stops.push(() => dynamoDb.stop());
    places.set("dynamodb", await dynamoDb.newTable());
    return await work({ places, redis });
  } finally {
    for (const stop of stops) await stop();
  }
}
