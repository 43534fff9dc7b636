/**
 * What holds for a whole Redis store: its facts (format, limits, log, epoch, `applied`) and the marker of each shard. How
 * they are made, looked at, and begun anew.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ms, UpnextError } from "../core/index.ts";
import { problemOfFacts } from "./kept-facts.ts";
import type { RedisKeys } from "./redis-keys.ts";
import { BEGIN, OPEN_SHARD, OPEN_STORE, REMOVE } from "./redis-scripts.ts";
import { ASKING, type RedisServers, WRITING } from "./redis-servers.ts";
import type { StateLimits } from "./user-state.ts";

const FORMAT = "upnext-state-redis/1";
const FOR_EVER = "for ever";
const REMOVED_AT_ONCE = 1_000;
/** How long opening waits for another process that clears the store. */
const CLEARING_MS = 2_000;
const CLEARING_LOOK_MS = 20;

/** The store as the servers have it. */
export interface Found {
  readonly epoch: string;
  readonly applied: number;
  /** By shard. */
  readonly versions: Float64Array;
}

type Facts = Readonly<Partial<Record<string, string>>>;

export class RedisFacts {
  private readonly title: string;
  private readonly servers: RedisServers;
  private readonly keys: RedisKeys;
  private readonly limits: StateLimits;
  private readonly log: string | undefined;

  /** @param title for messages: which store */
  constructor(
    title: string,
    servers: RedisServers,
    keys: RedisKeys,
    limits: StateLimits,
    log: string | undefined,
  ) {
    this.title = title;
    this.servers = servers;
    this.keys = keys;
    this.limits = limits;
    this.log = log;
  }

  /** Opens what is there, or makes a store where there is none. Undefined where the store is lost. */
  async open(): Promise<Found | undefined> {
    const made = await this.renew("absent");
    if (made !== undefined) return made;
    let facts = await this.read();
    this.check(facts);
    const end = performance.now() + CLEARING_MS;
    while (facts["clearing"] !== undefined && performance.now() < end) {
      await sleep(CLEARING_LOOK_MS);
      facts = await this.read();
    }
    await this.send("HSET", ...this.own());
    return this.inspect();
  }

  /** Makes the store as new. Rejects with `store_unavailable` where another process begins the same before it is done. */
  async clear(): Promise<Found> {
    const made = await this.renew("always");
    if (made === undefined) throw this.clearedByAnother();
    return made;
  }

  /** What is there, or undefined where something is missing: the facts, a marker, or what the facts know of a shard. */
  async inspect(): Promise<Found | undefined> {
    const facts = await this.read(); // before the markers: versions only grow
    const { epoch, clearing } = facts;
    if (epoch === undefined || clearing !== undefined) return undefined;
    const versions = new Float64Array(this.keys.shards);
    const markers = await this.eachShard((shard) =>
      this.servers.send(shard, ["HMGET", this.keys.marker(shard), "epoch", "version"], ASKING),
    );
    for (const [shard, marker] of markers.entries()) {
      const [found, version] = marker as readonly (string | null)[];
      if (found !== epoch || Number(version) < Number(facts[`version ${shard}`] ?? 0)) return undefined;
      versions[shard] = Number(version);
    }
    return { epoch, applied: Number(facts["applied"]), versions };
  }

  /** The epoch and what is applied in it; undefined where there is no store, or one that is being cleared. */
  async look(): Promise<{ readonly epoch: string; readonly applied: number } | undefined> {
    const reply = (await this.send("HMGET", "epoch", "applied", "clearing")) as (string | null)[];
    const [epoch, applied, clearing] = reply;
    return epoch && clearing === null ? { epoch, applied: Number(applied) } : undefined;
  }

  private async read(): Promise<Facts> {
    return (await this.send("HGETALL")) as Facts;
  }

  private send(command: string, ...args: readonly string[]): Promise<unknown> {
    return this.servers.send(this.keys.factsShard, [command, this.keys.facts, ...args], ASKING);
  }

  /** Fields that follow from how this process has opened the store. */
  private own(): readonly string[] {
    const { touches, vetoes, maxAge } = this.limits;
    const age = maxAge === undefined ? FOR_EVER : String(maxAge);
    const log = this.log === undefined ? [] : ["log", this.log];
    return ["touches", String(touches), "vetoes", String(vetoes), "maxAge", age, ...log];
  }

  private check({ format = "none", touches, vetoes, maxAge, log }: Facts): void {
    const age = maxAge === FOR_EVER ? {} : { maxAge: Number(maxAge) as Ms };
    const kept = { format, touches: Number(touches), vetoes: Number(vetoes), ...age, log };
    const problem = problemOfFacts(kept, { format: FORMAT, ...this.limits, log: this.log });
    if (problem !== undefined) throw this.foreign(problem);
  }

  /**
   * Removes everything and begins a new epoch; `absent`: only where there is no store, and returns undefined where there
   * is one. A shard is closed, emptied and opened again: in between nobody reads or writes it, and who began to clear it
   * earlier can no longer remove anything.
   */
  private async renew(when: "always" | "absent"): Promise<Found | undefined> {
    const epoch = randomBytes(12).toString("hex");
    const fresh = ["format", FORMAT, "epoch", epoch, "clearing", "1", "applied", "0", ...this.own()];
    const { factsShard, facts } = this.keys;
    const begun = await this.servers.run(factsShard, BEGIN, [facts], [when, ...fresh], WRITING);
    if (begun === null) return undefined;

    const closed = `closed ${epoch}`;
    await this.eachShard((shard) =>
      this.servers.send(shard, ["HSET", this.keys.marker(shard), "epoch", closed], WRITING),
    );
    await this.removeUsers(closed);
    const opened = await this.eachShard((shard) =>
      this.servers.run(shard, OPEN_SHARD, [this.keys.marker(shard)], [closed, epoch], WRITING),
    );
    opened.push(await this.servers.run(factsShard, OPEN_STORE, [facts], [epoch], WRITING));
    if (opened.includes(null)) throw this.clearedByAnother();
    return { epoch, applied: 0, versions: new Float64Array(this.keys.shards) };
  }

  private async removeUsers(closed: string): Promise<void> {
    let byShard = new Map<number, string[]>();
    let count = 0;
    const remove = async () => {
      const replies = await Promise.all(
        [...byShard].map(([shard, keys]) =>
          this.servers.run(shard, REMOVE, [this.keys.marker(shard), ...keys], [closed], WRITING),
        ),
      );
      if (replies.includes(null)) throw this.clearedByAnother();
      byShard = new Map();
      count = 0;
    };
    for await (const key of this.servers.scan(this.keys.pattern)) {
      const found = this.keys.parse(key);
      if (found?.user === undefined) continue;
      const keys = byShard.get(found.shard);
      if (keys === undefined) byShard.set(found.shard, [key]);
      else keys.push(key);
      if (++count === REMOVED_AT_ONCE) await remove();
    }
    await remove();
  }

  private eachShard(work: (shard: number) => Promise<unknown>): Promise<unknown[]> {
    return Promise.all(Array.from({ length: this.keys.shards }, (_, shard) => work(shard)));
  }

  private foreign(what: string): UpnextError {
    return new UpnextError(
      "store_unavailable",
      `${this.title}: ${what}; choose another prefix, or delete the keys that begin as ${this.keys.pattern}, and the state is rebuilt from the log at the next start`,
    );
  }

  private clearedByAnother(): UpnextError {
    return new UpnextError(
      "store_unavailable",
      `${this.title}: another process has begun to clear it; wait for that, and try again`,
    );
  }
}
