/**
 * User states in Redis or Redis Cluster: two sorted sets and a number a user, merged by scripts, so that writers need no
 * lock; a read is one round trip and so is a write.
 *
 * Redis may come back without what it held: empty, from an old file, or as a replica that had not heard the end. Every
 * shard therefore has a marker with the store's *epoch*, a random word that `clear` writes, and a *version* that every
 * change raises. A read looks at the marker in the same script. No marker, another epoch, or a version below one that this
 * process has seen mean that the state would be a wrong answer: the store is lost, until `clear` gives it a new epoch, or
 * `readApplied` finds that another process has done so. All of it is looked at anew each time a server is there again.
 *
 * `applied` stands in the store's facts. On one server it is raised by the script that merges the last users of a batch,
 * and one server's memory is of one moment, whatever it has lost. In a cluster it is raised when all shards have
 * confirmed, together with the versions that they had then, so that a node that lost its end is noticed by whoever opens
 * the store later.
 *
 * One server is one shard: there its marker stands for all that it holds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Clock,
  type EpochMs,
  type Offset,
  systemClock,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { LoggedEvent } from "../events/index.ts";
import { changesOf, groupTouches, type UserChange } from "./fold-batch.ts";
import { withoutExpired } from "./merge-touches.ts";
import { type Found, RedisFacts } from "./redis-facts.ts";
import { RedisKeys } from "./redis-keys.ts";
import { emptyLoad, type Load, loadsOf } from "./redis-loads.ts";
import { decodeMembers } from "./redis-member.ts";
import { ADVANCE, MERGE, READ } from "./redis-scripts.ts";
import { READING, RedisServers, WRITING } from "./redis-servers.ts";
import type { RedisClusterPlace, RedisPlace } from "./state-place.ts";
import type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, type StateLimits, type UserState } from "./user-state.ts";

const PREFIX = "upnext";
/** Enough for a batch to be spread evenly over the nodes, few enough to look at them all when a node is there again. */
const CLUSTER_SHARDS = 256;
/** Scripts under way at once. */
const FLIGHT = 256;
const LOOK_AGAIN_MS = 100;

/**
 * Rejects with `store_unavailable`, also where the states are of another log or were kept under lower limits. A store
 * that was lost is opened, and says so at the first read.
 */
export function openRedisStore(
  { url, prefix }: Pick<RedisPlace, "url" | "prefix">,
  options: StateStoreOptions,
): Promise<StateStore> {
  return RedisStore.open("redis", [url], new RedisKeys(prefix ?? PREFIX, 1), options);
}

/** As `openRedisStore`. */
export function openRedisClusterStore(
  { nodes, prefix }: Pick<RedisClusterPlace, "nodes" | "prefix">,
  options: StateStoreOptions,
): Promise<StateStore> {
  return RedisStore.open("redis-cluster", nodes, new RedisKeys(prefix ?? PREFIX, CLUSTER_SHARDS), options);
}

class RedisStore implements StateStore {
  readonly name: string;
  readonly remote = true;
  readonly limits: StateLimits;
  private readonly clock: Clock;
  private readonly keys: RedisKeys;
  private readonly servers: RedisServers;
  private readonly facts: RedisFacts;
  /** For messages: no user, no password. */
  private readonly title: string;
  private epoch = "";
  private lost = false;
  private lastApplied = 0;
  /** How often a server was there again, and how often it was when all of them were last found as they should be. */
  private doubts = 0;
  private settled = 0;
  /** The newest version of each shard that this process has seen. */
  private versions: Float64Array;
  private readonly pending = new Set<Promise<unknown>>();
  /** The newest of the calls that keep their order. */
  private last: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  static async open(
    name: string,
    urls: readonly string[],
    keys: RedisKeys,
    options: StateStoreOptions,
  ): Promise<StateStore> {
    for (const url of urls) checkUrl(url);
    const redis = await import("redis");
    const onReady = () => void store.lookAgain();
    const servers = new RedisServers(redis, urls, keys, name === "redis-cluster", onReady);
    const store = new RedisStore(name, urls, keys, servers, options);
    try {
      await store.start();
      return store;
    } catch (error) {
      servers.close();
      throw error;
    }
  }

  private constructor(
    name: string,
    urls: readonly string[],
    keys: RedisKeys,
    servers: RedisServers,
    options: StateStoreOptions,
  ) {
    this.name = name;
    this.limits = options.limits ?? DEFAULT_LIMITS;
    this.clock = options.clock ?? systemClock;
    this.keys = keys;
    this.servers = servers;
    this.title = `Redis state store at ${urls.map((url) => new URL(url).host).join(", ")}`;
    this.facts = new RedisFacts(this.title, servers, keys, this.limits, options.log);
    this.versions = new Float64Array(keys.shards);
  }

  get applied(): Offset {
    return this.lastApplied as Offset;
  }

  read(user: UserId): Promise<UserState> {
    return this.track(() => this.readNow(user));
  }

  write(batch: readonly UserTouches[]): Promise<void> {
    return this.track(() => this.merge(groupTouches(batch)));
  }

  erase(user: UserId, time: EpochMs): Promise<void> {
    return this.track(() => this.merge(new Map([[user, { touches: [], erasedAt: time }]])));
  }

  apply(batch: readonly LoggedEvent[]): Promise<void> {
    return this.inOrder(async () => {
      this.mustBeWhole();
      const { users, applied } = changesOf(batch, this.applied);
      if (applied === this.lastApplied) return;
      await this.merge(users, applied);
      this.lastApplied = Math.max(this.lastApplied, applied);
    });
  }

  readApplied(): Promise<Offset> {
    return this.track(() => this.readAppliedNow());
  }

  skipTo(offset: Offset): Promise<void> {
    return this.inOrder(async () => {
      this.mustBeWhole();
      await this.advance(offset, []);
      this.lastApplied = Math.max(this.lastApplied, offset);
    });
  }

  clear(): Promise<void> {
    return this.inOrder(async () => {
      this.lost = true; // until it is done
      this.adopt(await this.facts.clear());
    });
  }

  async *users(): AsyncIterable<UserId> {
    this.mustBeOpen();
    this.mustBeWhole();
    // Also where a node without any of its users would go unnoticed.
    await this.verify();
    this.mustBeWhole();
    const seen = new Set<UserId>();
    for await (const key of this.servers.scan(this.keys.pattern)) {
      const user = this.keys.parse(key)?.user;
      if (user === undefined || seen.has(user)) continue;
      seen.add(user);
      yield user;
    }
    await this.verify();
    this.mustBeWhole();
  }

  close(): Promise<void> {
    this.closing ??= Promise.allSettled([...this.pending]).then(() => this.servers.close());
    return this.closing;
  }

  private async start(): Promise<void> {
    await this.servers.open(this.limits.maxAge !== undefined);
    const found = await this.facts.open();
    if (found === undefined) this.lost = true;
    else this.adopt(found);
  }

  private async readNow(user: UserId): Promise<UserState> {
    this.mustBeWhole();
    const { touches, vetoes } = this.limits;
    const shard = this.keys.shardOf(user);
    const { epoch } = this;
    const version = this.versions[shard]!;
    const keys = [this.keys.marker(shard), ...this.keys.ofUser(shard, user)];
    const args = [String(touches - 1), String(vetoes - 1)];
    const reply = (await this.servers.run(shard, READ, keys, args, READING)) as ReadReply;
    if (reply[0]?.toString("latin1") !== epoch) throw this.isLost(epoch);
    this.see(shard, epoch, version, Number(reply[1]?.toString("latin1")));
    try {
      const state: UserState = {
        user,
        touches: decodeMembers(reply[3], touches),
        vetoes: decodeMembers(reply[4], vetoes),
        erasedAt: (reply[2] === null ? -Infinity : Number(reply[2].toString("latin1"))) as EpochMs,
      };
      return withoutExpired(state, this.limits, this.clock.now());
    } catch (cause) {
      throw this.unusable("a state cannot be read", cause);
    }
  }

  /** The loss of the store is told at least once before another process's refilling of it is taken. */
  private async readAppliedNow(): Promise<Offset> {
    if (this.settled < this.doubts) await this.verify();
    const { epoch, lastApplied } = this;
    const found = await this.facts.look();
    if (found === undefined || (found.epoch !== epoch && !this.lost)) throw this.isLost(epoch);
    if (found.epoch !== epoch) {
      const whole = await this.facts.inspect();
      if (whole === undefined) throw this.isLost(epoch);
      this.adopt(whole);
      return this.applied;
    }
    this.mustBeWhole();
    if (found.applied < lastApplied) throw this.isLost(epoch);
    if (epoch === this.epoch) this.lastApplied = Math.max(this.lastApplied, found.applied);
    return found.applied as Offset;
  }

  /** Merges changes and, where given, raises `applied` after them. */
  private async merge(users: ReadonlyMap<UserId, UserChange>, applied?: Offset): Promise<void> {
    this.mustBeWhole();
    const { maxAge } = this.limits;
    const horizon = maxAge === undefined ? "" : String(maxAge - this.clock.now());
    const loads = loadsOf(users, this.keys, this.limits);
    const oneServer = this.keys.shards === 1;
    const last =
      oneServer && applied !== undefined ? (loads.pop() ?? emptyLoad(this.keys.factsShard)) : undefined;
    for (let i = 0; i < loads.length; i += FLIGHT) {
      await Promise.all(loads.slice(i, i + FLIGHT).map((load) => this.sendLoad(load, horizon)));
    }
    if (last !== undefined) await this.sendLoad(last, horizon, applied);
    else if (applied !== undefined) {
      await this.advance(
        applied,
        loads.map((load) => load.shard),
      );
    }
  }

  private async sendLoad(load: Load, horizon: string, applied?: Offset): Promise<void> {
    const { shard } = load;
    const { epoch } = this;
    const version = this.versions[shard]!;
    const { touches, vetoes } = this.limits;
    const keys = [this.keys.marker(shard), ...load.keys];
    if (applied !== undefined) keys.push(this.keys.facts);
    const facts = [epoch, touches, vetoes, horizon, applied ?? "", load.users].map(String);
    const reply = await this.servers.run(shard, MERGE, keys, [...facts, ...load.args], WRITING);
    if (reply === null) throw this.isLost(epoch);
    this.see(shard, epoch, version, Number(reply));
  }

  /** Raises `applied` in the facts, and the versions that these shards have reached. */
  private async advance(applied: Offset, shards: readonly number[]): Promise<void> {
    const { epoch } = this;
    const versions = [...new Set(shards)].flatMap((shard) => [String(shard), String(this.versions[shard])]);
    const args = [epoch, String(applied), ...versions];
    const reply = await this.servers.run(this.keys.factsShard, ADVANCE, [this.keys.facts], args, WRITING);
    if (reply === null) throw this.isLost(epoch);
  }

  /** Compares what is there with what this process knows. */
  private async verify(): Promise<void> {
    const { epoch, lastApplied, doubts } = this;
    const known = this.versions.slice();
    const found = await this.facts.inspect();
    this.settled = doubts;
    if (epoch !== this.epoch) return;
    const whole =
      found !== undefined &&
      found.epoch === epoch &&
      found.applied >= lastApplied &&
      found.versions.every((version, shard) => version >= known[shard]!);
    if (!whole) this.lost = true;
  }

  /** A server is there again: perhaps not as it was. It may be loading its file still, so this is tried until it works. */
  private async lookAgain(): Promise<void> {
    if (this.epoch === "") return; // being opened
    const doubt = ++this.doubts;
    while (this.closing === undefined && this.doubts === doubt && this.settled < doubt) {
      await this.verify().catch(() => sleep(LOOK_AGAIN_MS));
    }
  }

  private adopt({ epoch, applied, versions }: Found): void {
    this.epoch = epoch;
    this.lastApplied = applied;
    this.versions = versions;
    this.lost = false;
  }

  /** Takes note of a shard's version in a reply, which must not be below `before`, known when the question was sent. */
  private see(shard: number, epoch: string, before: number, version: number): void {
    if (!(version >= before)) throw this.isLost(epoch);
    if (epoch === this.epoch && version > this.versions[shard]!) this.versions[shard] = version;
  }

  /** Runs `work` after the calls before it that keep their order. */
  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    return this.track(() => {
      const next = this.last.then(work);
      this.last = next.catch(() => {});
      return next;
    });
  }

  /** Remembers what `close` has to wait for. */
  private async track<T>(work: () => Promise<T>): Promise<T> {
    this.mustBeOpen();
    const running = work();
    this.pending.add(running);
    try {
      return await running;
    } finally {
      this.pending.delete(running);
    }
  }

  private mustBeOpen(): void {
    if (this.closing !== undefined) {
      throw new UpnextError("store_unavailable", `${this.title}: it was closed; open it again`);
    }
  }

  private mustBeWhole(): void {
    if (this.lost) throw this.isLost(this.epoch);
  }

  /** The error for a reply that shows that what was there under `epoch` is not there any more. */
  private isLost(epoch: string): UpnextError {
    if (epoch === this.epoch) this.lost = true;
    return new UpnextError(
      "store_lost",
      `${this.title}: it came back without what it held; clear it, and its states are filled again from the log`,
    );
  }

  private unusable(what: string, cause: unknown): UpnextError {
    return new UpnextError(
      "store_unavailable",
      `${this.title}: ${what} (${cause instanceof Error ? cause.message : cause}); clear it, and its states are filled again from the log`,
      { cause },
    );
  }
}

/** Epoch and version of the marker, erasedAt, touches, vetoes. */
type ReadReply = readonly [Buffer | null, Buffer | null, Buffer | null, Buffer, Buffer];

/** Without the URL in the message: it may hold a password. */
function checkUrl(url: string): void {
  const expected = "redis://[[user]:password@]host[:port], or rediss:// for TLS";
  if (!URL.canParse(url) || !/^rediss?:\/\/[^/]/.test(url)) {
    throw new UpnextError(
      "invalid_config",
      `state store: expected a URL of Redis as ${expected}; correct it`,
    );
  }
}
