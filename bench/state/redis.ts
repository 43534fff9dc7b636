/** Redis beside the store that uses it: what its servers say of their work, and the same commands without the store. */
import { createClient } from "redis";
import { RedisKeys } from "../../src/state/redis-keys.ts";

const TOUCHES = 50;

/** Counts between `begin` and `end`, over all servers of a store. */
export interface RedisUse {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** CPU time of the servers. */
  readonly cpuSeconds: number;
  /** Writes to sockets: one for each answer where one call is under way at a time. */
  readonly replies: number;
  /** `used_memory` of the servers now. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

export async function useOf(urls: readonly string[]): Promise<RedisUse> {
  const clients = await Promise.all(urls.map(connected));
  const sum = async (section: string, fields: readonly string[]) => {
    const answers = await Promise.all(clients.map((client) => client.info(section)));
    let total = 0;
    for (const info of answers) {
      for (const field of fields) total += Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)![1]);
    }
    return total;
  };
  const now = async () => ({
    cpu: await sum("cpu", ["used_cpu_sys", "used_cpu_user"]),
    replies: await sum("stats", ["total_writes_processed"]),
  });
  let from = await now();
  let to = from;
  return {
    async begin() {
      from = await now();
    },
    async end() {
      to = await now();
    },
    get cpuSeconds() {
      return to.cpu - from.cpu;
    },
    get replies() {
      return to.replies - from.replies;
    },
    bytes: () => sum("memory", ["used_memory"]),
    async close() {
      for (const client of clients) client.destroy();
    },
  };
}

export interface BareRedis {
  /** Resolves with the number of touches. */
  read(user: number): Promise<number>;
  append(user: number): Promise<void>;
  close(): Promise<void>;
}

/** The keys of users `u0` on, copied: what is appended here is none of the store's. */
export async function openBareRedis(url: string, users: number): Promise<BareRedis> {
  const client = await connected(url);
  const keys = new RedisKeys("upnext", 1);
  const copies = Array.from({ length: users }, (_, i) => {
    const own = keys.ofUser(0, `u${i}` as never);
    return own.map((key) => `bare${key}`);
  });
  for (const user of copies) {
    for (const key of user) await client.copy(key.slice("bare".length), key);
  }
  const marker = "bare-marker";
  await client.hSet(marker, { epoch: "bare", version: "0" });
  let appended = 0;
  return {
    async read(user) {
      const [erased, touches, vetoes] = copies[user]!;
      // Commands of one turn of the event loop go out together.
      const [, , found] = await Promise.all([
        client.hmGet(marker, ["epoch", "version"]),
        client.get(erased!),
        client.zRange(touches!, 0, TOUCHES - 1, { REV: true }),
        client.zRange(vetoes!, 0, TOUCHES - 1, { REV: true }),
      ]);
      return found.length;
    },
    async append(user) {
      const [erased, touches] = copies[user]!;
      const score = 1_800_000_000_000 + appended++;
      await Promise.all([
        client.hGet(marker, "epoch"),
        client.get(erased!),
        client.zRangeWithScores(touches!, -1, -1),
        client.zAdd(touches!, { score, value: `event-${appended}-v${appended % 5000}-watch-0.5` }),
        client.zRemRangeByRank(touches!, 0, -TOUCHES - 1),
        client.hIncrBy(marker, "version", 1),
      ]);
    },
    async close() {
      client.destroy();
    },
  };
}

async function connected(url: string) {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  return client;
}
