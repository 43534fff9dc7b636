/**
 * The keys of the Redis stores. Users are spread over shards by a hash of their ids, and every key of a shard begins
 * with its hash tag, `{prefix:shard}`: Redis Cluster keeps such keys together, and so a script may use them.
 *
 * `{upnext:7}t=ann` touches, `v=` vetoes, `e=` erasedAt; `{upnext:7}marker` the shard's epoch and version;
 * `{upnext:0}facts` what holds for the whole store.
 */
import { UpnextError, type UserId } from "../core/index.ts";

const FACTS_SHARD = 0;
/** A user's id in which half of a surrogate pair stands alone has no UTF-8, and is written as the hex of its UTF-16. */
const TEXT = "=";
const HEX = "~";
const SURROGATE = /[\ud800-\udfff]/;

export class RedisKeys {
  readonly shards: number;
  readonly factsShard = FACTS_SHARD;
  readonly facts: string;
  private readonly tags: readonly string[];
  private readonly start: string;

  constructor(prefix: string, shards: number) {
    if (/[{}]/.test(prefix)) {
      throw new UpnextError(
        "invalid_config",
        `state store: the prefix of its keys is "${prefix}", and braces in it would end the hash tag; choose one without braces`,
      );
    }
    this.shards = shards;
    this.start = `{${prefix}:`;
    this.tags = Array.from({ length: shards }, (_, shard) => `${this.start}${shard}}`);
    this.facts = `${this.tags[FACTS_SHARD]}facts`;
  }

  /** Which shard has the user: FNV-1a over the units of the id. */
  shardOf(user: UserId): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
    return (hash >>> 0) % this.shards;
  }

  marker(shard: number): string {
    return `${this.tags[shard]}marker`;
  }

  /** Of erasedAt, touches and vetoes. */
  ofUser(shard: number, user: UserId): readonly [string, string, string] {
    const tag = this.tags[shard];
    const whole = !SURROGATE.test(user) || Buffer.from(user).toString() === user;
    const name = whole ? TEXT + user : HEX + Buffer.from(user, "utf16le").toString("hex");
    return [`${tag}e${name}`, `${tag}t${name}`, `${tag}v${name}`];
  }

  /** For SCAN: matches every key of ours, and some keys of prefixes that begin like this one. */
  get pattern(): string {
    return `${this.start.replace(/[*?[\]\\]/g, "\\$&")}*`;
  }

  /** What a key that SCAN found is: undefined where it is not one of ours, no user where it is a marker or the facts. */
  parse(key: string): { readonly shard: number; readonly user?: UserId } | undefined {
    if (!key.startsWith(this.start)) return undefined;
    const match = /^(\d+)\}(?:[etv]([=~])(.*)|marker|facts)$/s.exec(key.slice(this.start.length));
    if (match === null) return undefined;
    const [, shard, kind, name = ""] = match;
    if (kind === undefined) return { shard: Number(shard) };
    const user = kind === TEXT ? name : Buffer.from(name, "hex").toString("utf16le");
    return { shard: Number(shard), user: user as UserId }; // ofUser had a UserId
  }

  /** The slot of a cluster that a shard is in: CRC-16 (XMODEM) of its hash tag. */
  slotOf(shard: number): number {
    let crc = 0;
    for (const byte of Buffer.from(this.tags[shard]!.slice(1, -1))) {
      crc ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
    return crc % 16_384;
  }
}
