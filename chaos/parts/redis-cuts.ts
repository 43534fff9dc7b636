/** What Redis loses in a power cut: acknowledged writes that are not there when it is started on what the disk kept. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import type { Random } from "../../src/core/index.ts";
import { redisServer } from "../../test/servers/redis.ts";
import type { LoopDisk } from "./loop-disk.ts";

export interface RedisLoss {
  readonly cuts: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly cutsWithLoss: number;
}

/** Writers at once; each waits for its answer, as the state store does. */
const WRITERS = 32;
/** `everysec` syncs once a second: cuts come before and after that. */
const WINDOW_MS = 3000;

export async function redisLosses(
  disk: LoopDisk,
  appendfsync: "everysec" | "always",
  cuts: number,
  random: Random,
): Promise<RedisLoss> {
  const sums = { cuts, acknowledged: 0, lost: 0, cutsWithLoss: 0 };
  const dir = join(disk.path, appendfsync);
  await mkdir(dir);
  for (let cut = 0; cut < cuts; cut++) {
    const acknowledged = await writeUntilCut(disk, dir, appendfsync, random.next() * WINDOW_MS);
    const present = await keysOf(dir, appendfsync);
    const lost = acknowledged.filter((key) => !present.has(key)).length;
    sums.acknowledged += acknowledged.length;
    sums.lost += lost;
    if (lost > 0) sums.cutsWithLoss++;
  }
  return sums;
}

async function writeUntilCut(
  disk: LoopDisk,
  dir: string,
  appendfsync: string,
  patience: number,
): Promise<string[]> {
  const server = await redisServer({ dir, appendonly: true, appendfsync });
  const client = await connect(server.url);
  await client.flushAll();
  const acknowledged: string[] = [];
  const run = randomUUID();
  const writer = async (name: number) => {
    for (let n = 0; ; n++) {
      const key = `${run}/${name}/${n}`;
      await client.set(key, "x");
      acknowledged.push(key);
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, name) => writer(name));
  const gone = Promise.allSettled(writers);
  await sleep(patience);
  await disk.cut(server.pid, async () => {
    await server.kill();
    client.destroy();
    await gone;
  });
  return acknowledged;
}

async function keysOf(dir: string, appendfsync: string): Promise<Set<string>> {
  const server = await redisServer({ dir, appendonly: true, appendfsync });
  const client = await connect(server.url);
  try {
    return new Set(await client.keys("*"));
  } finally {
    client.destroy();
    await server.stop();
  }
}

async function connect(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: false }, disableOfflineQueue: true });
  client.on("error", () => {}); // its server is killed on purpose
  return client.connect();
}
