/** Where user states are kept: what the configuration says, and what a command line names by a URL. */

export interface MemoryPlace {
  readonly store: "memory";
}

export interface LmdbPlace {
  readonly store: "lmdb";
  /** A folder of this store alone; made where it does not exist. */
  readonly path: string;
}

export interface RedisPlace {
  readonly store: "redis";
  /** `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /** In front of every key; systems that share a server need different ones. Default "upnext". */
  readonly prefix?: string;
}

export interface RedisClusterPlace {
  readonly store: "redis-cluster";
  /** URLs of some of the cluster's nodes; the others are found through them. */
  readonly nodes: readonly string[];
  readonly prefix?: string;
}

export interface DynamoDbPlace {
  readonly store: "dynamodb";
  /** Default "upnext-state". Made by `upnext state setup`. */
  readonly table?: string;
  /** What the AWS SDK finds in its environment where absent. */
  readonly region?: string;
  /** Of another server with DynamoDB's interface. */
  readonly endpoint?: string;
}

export type StatePlace = MemoryPlace | LmdbPlace | RedisPlace | RedisClusterPlace | DynamoDbPlace;
