/**
 * The servers behind a store, and which of them has a shard: one server, or the masters of a cluster.
 *
 * The cluster is followed here and not by node-redis' own cluster client, which lets commands wait while a node is being
 * connected to, and does not finish connecting where one node is down. What there is to do is small, since all keys of a
 * call belong to one shard: ask for the table of slots, and ask again when a node says MOVED or goes away. While a slot is
 * on its way from node to node, Redis refuses commands with several keys of which some do not exist (ASK, TRYAGAIN), and
 * so are the shard's users refused here.
 *
 * Each server has two connections, so that a request's read does not stand behind a large batch.
 */
import { UpnextError } from "../core/index.ts";
import { type Redis, RedisConnection } from "./redis-connection.ts";
import type { RedisKeys } from "./redis-keys.ts";
import type { RedisScript } from "./redis-scripts.ts";

/** Which connection, and for how long: one user's state, or what may take Redis a while. */
export const READING = { lane: 0, ms: 1_000, binary: true } as const;
export const ASKING = { lane: 0, ms: 1_000, binary: false } as const;
export const WRITING = { lane: 1, ms: 5_000, binary: false } as const;
export type Way = typeof READING | typeof ASKING | typeof WRITING;

/** How often a command follows a shard from node to node. */
const MOVES = 5;
const OPEN_MS = 3_000;
/** The table of slots is not asked for more often because of a node that is away. */
const REFRESH_MS = 250;
const SCAN_COUNT = "1000";

type Lanes = readonly [RedisConnection, RedisConnection];
type Args = readonly (string | Buffer)[];

export class RedisServers {
  private readonly redis: Redis;
  private readonly urls: readonly string[];
  private readonly keys: RedisKeys;
  private readonly cluster: boolean;
  private readonly onReady: () => void;
  private readonly nodes = new Map<string, Lanes>();
  /** The node of each shard. */
  private owners: Lanes[] = [];
  private refreshing: Promise<void> | undefined;
  private refreshed = 0;
  private closed = false;

  /** Of a cluster all `urls` are nodes to ask; otherwise there is one. `onReady` is called when a server is there again. */
  constructor(redis: Redis, urls: readonly string[], keys: RedisKeys, cluster: boolean, onReady: () => void) {
    this.redis = redis;
    this.urls = urls;
    this.keys = keys;
    this.cluster = cluster;
    this.onReady = onReady;
  }

  /**
   * Rejects with `store_unavailable` where a server that is needed does not answer within a few seconds, or would drop our
   * keys, some of which expire where `expiring` is set.
   */
  async open(expiring: boolean): Promise<void> {
    if (this.cluster) {
      await this.refresh();
    } else {
      const url = this.urls[0]!; // a place has one
      this.owners = new Array<Lanes>(this.keys.shards).fill(this.connect(new URL(url).host, url));
    }
    const lanes = [...this.nodes.values()];
    await Promise.all(lanes.flat().map((lane) => lane.untilReady(OPEN_MS)));
    await Promise.all(lanes.map((lane) => this.mustKeepKeys(lane[ASKING.lane], expiring)));
  }

  close(): void {
    this.closed = true;
    for (const lane of [...this.nodes.values()].flat()) lane.close();
  }

  /** The keys of all servers that match, some of them more than once. */
  async *scan(pattern: string): AsyncIterable<string> {
    for (const lanes of new Set(this.owners)) {
      const connection = lanes[WRITING.lane];
      let cursor = "0";
      do {
        const args = ["SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT];
        const page = await connection.send(args, WRITING.ms).catch((error) => {
          throw this.failed(connection, error);
        });
        const [next, keys] = page as readonly [string, readonly string[]];
        yield* keys;
        cursor = next;
      } while (cursor !== "0");
    }
  }

  /** One round trip, unless the server has forgotten the script. */
  async run(
    shard: number,
    script: RedisScript,
    keys: readonly string[],
    args: Args,
    way: Way,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.send(shard, ["EVALSHA", script.sha, ...rest], way);
    } catch (error) {
      if (!startsWith(error, "NOSCRIPT")) throw error;
      return this.send(shard, ["EVAL", script.text, ...rest], way);
    }
  }

  /** Rejects with `store_unavailable`; NOSCRIPT is passed on as it came. */
  async send(shard: number, args: Args, way: Way): Promise<unknown> {
    for (let move = 0; ; move++) {
      const connection = this.owners[shard]![way.lane];
      try {
        return await connection.send(args, way.ms, way.binary);
      } catch (error) {
        if (startsWith(error, "NOSCRIPT")) throw error;
        if (startsWith(error, "MOVED ") && move < MOVES) await this.refresh();
        else throw this.failed(connection, error);
      }
    }
  }

  /** A server that makes room by dropping keys would give wrong states without a word. */
  private async mustKeepKeys(connection: RedisConnection, expiring: boolean): Promise<void> {
    const info = await connection.send(["INFO", "memory"], ASKING.ms).catch((error) => {
      throw this.failed(connection, error);
    });
    const limit = /maxmemory:(\d+)/.exec(String(info))?.[1];
    const policy = /maxmemory_policy:(\S+)/.exec(String(info))?.[1] ?? "noeviction";
    if (limit === "0" || policy === "noeviction" || (policy.startsWith("volatile-") && !expiring)) return;
    throw new UpnextError(
      "store_unavailable",
      `Redis at ${connection.name}: with its maxmemory-policy ${policy} it drops states when its memory is full; set noeviction`,
    );
  }

  /** Asks the nodes, one after the other until one answers, which of them has which shard. */
  private refresh(): Promise<void> {
    this.refreshing ??= this.findOwners().finally(() => {
      this.refreshing = undefined;
      this.refreshed = performance.now();
    });
    return this.refreshing;
  }

  private async findOwners(): Promise<void> {
    const ready = [...this.nodes.values()].map((lanes) => lanes[ASKING.lane]).filter((lane) => lane.isReady);
    let failure: unknown;
    for (const node of [...ready, ...this.urls]) {
      try {
        const found = await this.ownersBy(node);
        if (!this.closed) this.take(found);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The address of the node of each shard, by the table of one node. */
  private async ownersBy(node: RedisConnection | string): Promise<readonly string[]> {
    const connection = typeof node === "string" ? new RedisConnection(this.redis, node, () => {}) : node;
    try {
      await connection.untilReady(OPEN_MS);
      const table = (await connection.send(["CLUSTER", "SLOTS"], ASKING.ms)) as SlotTable;
      return Array.from({ length: this.keys.shards }, (_, shard) => {
        const slot = this.keys.slotOf(shard);
        const range = table.find(([from, to]) => from <= slot && slot <= to);
        if (range === undefined) throw this.failed(connection, new Error(`no node has slot ${slot}`));
        const [host, port] = range[2];
        // A node that does not know its own host leaves it out: it is the one that was asked then.
        return `${hostInUrl(host || new URL(`redis://${connection.name}`).hostname)}:${port}`;
      });
    } catch (error) {
      throw error instanceof UpnextError ? error : this.failed(connection, error);
    } finally {
      if (typeof node === "string") connection.close();
    }
  }

  private take(addresses: readonly string[]): void {
    this.owners = addresses.map((address) => this.connect(address, urlAt(this.urls[0]!, address)));
    for (const [address, lanes] of this.nodes) {
      if (addresses.includes(address)) continue;
      this.nodes.delete(address);
      for (const lane of lanes) lane.close();
    }
  }

  private connect(address: string, url: string): Lanes {
    let lanes = this.nodes.get(address);
    if (lanes === undefined) {
      // One of the two tells; while it is gone, the other one is.
      lanes = [
        new RedisConnection(this.redis, url, this.onReady),
        new RedisConnection(this.redis, url, () => {}),
      ];
      this.nodes.set(address, lanes);
    }
    return lanes;
  }

  private failed(connection: RedisConnection, error: unknown): UpnextError {
    const away = error instanceof UpnextError;
    if (away && this.cluster && !this.closed && performance.now() - this.refreshed > REFRESH_MS) {
      this.refresh().catch(() => {}); // perhaps another node has its shards now; if not, the next failure asks again
    }
    if (away) return error;
    return new UpnextError(
      "store_unavailable",
      `Redis at ${connection.name}: it refused a command (${error instanceof Error ? error.message : error}); see to the server's log, its memory and its settings`,
      { cause: error },
    );
  }
}

/** What CLUSTER SLOTS answers: first slot, last slot, host and port of the master, and more. */
type SlotTable = readonly (readonly [number, number, readonly [string | null, number]])[];

/** `url` with another host and port: user, password and TLS are the same for all nodes. */
function urlAt(url: string, address: string): string {
  const at = new URL(url);
  at.host = address;
  return at.href;
}

function hostInUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function startsWith(error: unknown, code: string): error is Error {
  return error instanceof Error && error.message.startsWith(code);
}
