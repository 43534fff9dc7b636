/**
 * Every key of the configuration, once: types, defaults, ranges and messages are derived from this schema.
 *
 * Each message is "expected …"; check-config.ts puts the place and what came before it.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { parseDuration } from "../core/index.ts";
import { nearest } from "../events/index.ts";
import { DEFAULT_POLICY } from "../policy/index.ts";
import { DEFAULT_LIMITS, type StatePlace } from "../state/index.ts";

/** An object with these keys and no other; an unknown key is answered with the nearest known one. */
function section<T extends z.core.$ZodShape>(shape: T) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return `expected an object with the keys ${known.join(", ")}`;
      const key = String((issue as z.core.$ZodIssueUnrecognizedKeys).keys[0]);
      const close = nearest(key, known);
      const cure = close === undefined ? "Remove it." : `Did you mean "${close}"?`;
      return `expected only the keys ${known.join(", ")}. ${cure}`;
    },
  });
}

function integer(min: number, max: number, what = "an integer") {
  const error = `expected ${what} from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function text(what: string, pattern: RegExp = /\S/) {
  const error = `expected ${what}`;
  return z.string({ error }).max(4096, { error }).regex(pattern, { error });
}

/** Milliseconds, whichever way they are written. */
function duration() {
  const error = 'expected a duration such as "90s", "30m" or "1h", or milliseconds from 1 on';
  return z
    .union([z.string(), z.int({ error }).min(1, { error })], { error })
    .transform((value, context): number => {
      const ms = typeof value === "number" ? value : parseDuration(value);
      if (ms !== undefined) return ms;
      context.addIssue({ code: "custom", message: error });
      return z.NEVER;
    });
}

const SIZE_UNITS: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12 };

/** Bytes, whichever way they are written. */
function size(min: number) {
  const error = `expected a size such as "500MB", "20GB" or "1TB", or bytes, at least ${min}`;
  return z.union([z.string(), z.number({ error })], { error }).transform((value, context): number => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)\s?(MB|GB|TB)$/i.exec(String(value)) ?? [];
    const bytes =
      typeof value === "number" ? value : Math.round(Number(amount) * SIZE_UNITS[unit?.toUpperCase() ?? ""]!);
    if (Number.isSafeInteger(bytes) && bytes >= min) return bytes;
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}

function oneOf<const T extends readonly [string, ...string[]]>(names: T) {
  return z.enum(names, {
    error: (issue) => {
      const close = typeof issue.input === "string" ? nearest(issue.input, names) : undefined;
      const cure = close === undefined ? "" : `. Did you mean "${close}"?`;
      return `expected one of ${names.map((name) => JSON.stringify(name)).join(", ")}${cure}`;
    },
  });
}

function list<T extends z.ZodType>(element: T, what: string) {
  return z.array(element, { error: `expected a list of ${what}` });
}

const SHA256 = /^[0-9a-f]{64}$/i;

const apiKey = section({
  /** For people; never sent by a client. */
  name: text('a name such as "mobile app"'),
  /** The key itself, best taken from the environment: `process.env.MY_KEY`. Either this or `sha256`. */
  key: text("the text of the key, at least 16 characters without spaces", /^\S{16,}$/).optional(),
  /** SHA-256 digest of the key in hex, so that the file does not hold the key. */
  sha256: text("the SHA-256 digest of the key as 64 hex digits", SHA256).optional(),
  scopes: list(oneOf(["read", "write", "admin"]), 'scopes: "read", "write", "admin"').min(1, {
    error: 'expected a list of scopes: "read", "write", "admin"',
  }),
}).transform(({ name, key, sha256, scopes }, context) => {
  if ((key === undefined) === (sha256 === undefined)) {
    const message = "expected either the key or its sha256. Is the environment variable set?";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  return { name, sha256: sha256 ?? createHash("sha256").update(key!).digest("hex"), scopes };
});

/** What keeps one client from taking the server down; the server's own default where a key is absent. */
const limits = section({
  /** Bytes of a body; `batchBodyLimit` of that of `POST /v1/events`. */
  bodyLimit: integer(1_024, 2 ** 30, "bytes").exactOptional(),
  batchBodyLimit: integer(1_024, 2 ** 30, "bytes").exactOptional(),
  /** Events in one `POST /v1/events`. */
  maxBatch: integer(1, 1_000_000, "events").exactOptional(),
  /** Bytes of the request line and the headers together. */
  headerLimit: integer(1_024, 2 ** 20, "bytes").exactOptional(),
  /** By when the headers must have come, and by when the whole request. */
  headersTimeout: duration().exactOptional(),
  requestTimeout: duration().exactOptional(),
  /** How long an answer may wait for a client that does not read. */
  sendTimeout: duration().exactOptional(),
  /** How long an idle connection is kept. */
  keepAliveTimeout: duration().exactOptional(),
  maxConnections: integer(1, 1_000_000, "connections").exactOptional(),
  /** Requests under way on one connection. */
  maxPipelined: integer(1, 10_000, "requests").exactOptional(),
  /** Requests that may wait for their turn, in each lane. */
  maxWaiting: integer(1, 1_000_000, "requests").exactOptional(),
  /** How long a server that closes waits for requests under way. */
  drainTimeout: duration().exactOptional(),
});

const server = section({
  /** Where the HTTP server listens. `0.0.0.0` for the network: set `apiKeys` then. */
  host: text("a host name or an address").default("127.0.0.1"),
  /** 0 takes any free port. */
  port: integer(0, 65_535, "a port").default(8080),
  /** Empty: everyone who reaches the server may do everything. */
  apiKeys: list(apiKey, "keys: { name, key or sha256, scopes }").default([]),
  limits: limits.prefault({}),
  /**
   * How long a server that gets a signal goes on serving while `/readyz` says 503, as "5s" or in milliseconds: as long as
   * a balancer takes to see it. Where absent, it closes at once.
   */
  lameduck: duration().exactOptional(),
});

/** Keys of the section `state` that only some stores have. */
const PLACE_KEYS = {
  lmdb: [],
  memory: [],
  redis: ["url", "prefix"],
  "redis-cluster": ["nodes", "prefix"],
  dynamodb: ["table", "region", "endpoint"],
} as const satisfies Record<StatePlace["store"], readonly string[]>;
const STORES = [
  "lmdb",
  "memory",
  "redis",
  "redis-cluster",
  "dynamodb",
] as const satisfies StatePlace["store"][];

const redisUrl = () => text("a URL such as redis://127.0.0.1:6379", /^rediss?:\/\/./);

const stateSection = section({
  /**
   * `lmdb` keeps user states in a file, `memory` folds them from the log again at every start; `redis`,
   * `redis-cluster` and `dynamodb` keep them where several machines can read them.
   */
  store: oneOf(STORES).default("lmdb"),
  /** Of `redis`. */
  url: redisUrl().optional(),
  /** Of `redis-cluster`: some of its nodes; the others are found through them. */
  nodes: list(redisUrl(), "URLs such as redis://127.0.0.1:7000")
    .min(1, { error: "expected the URL of at least one node" })
    .optional(),
  /** Of `redis` and `redis-cluster`: in front of every key. Systems that share a server need different ones. */
  prefix: text("letters, digits, - and _, at most 32", /^[\w-]{1,32}$/).optional(),
  /** Of `dynamodb`: made by `upnext state setup`. */
  table: text("the name of a table, 3 to 255 letters, digits, _ - .", /^[\w.-]{3,255}$/).optional(),
  /** Of `dynamodb`; what the AWS SDK finds in its environment where absent. */
  region: text("the name of a region").optional(),
  /** Of `dynamodb`: another server with the same interface. */
  endpoint: text("a URL such as http://127.0.0.1:8000", /^https?:\/\/./).optional(),
  /** The newest touches that are kept of each user. */
  touches: integer(1, 10_000).default(DEFAULT_LIMITS.touches),
  /** The newest dislikes, hides and blocks that are kept of each user. */
  vetoes: integer(1, 10_000).default(DEFAULT_LIMITS.vetoes),
  /** A touch is forgotten when it is as old as this, as "90d" or in milliseconds; never where absent. */
  maxAge: duration().optional(),
}).superRefine((value, context) => {
  const own: readonly string[] = PLACE_KEYS[value.store];
  for (const key of ["url", "nodes", "prefix", "table", "region", "endpoint"] as const) {
    if (value[key] === undefined || own.includes(key)) continue;
    const message = `expected ${own.length === 0 ? "no place" : `only ${own.join(", ")}`} with the store "${value.store}"`;
    context.addIssue({ code: "custom", path: [key], message });
  }
  const needed = value.store === "redis" ? "url" : value.store === "redis-cluster" ? "nodes" : undefined;
  if (needed !== undefined && value[needed] === undefined) {
    context.addIssue({
      code: "custom",
      path: [needed],
      message: `expected it with the store "${value.store}"`,
    });
  }
});

/** The store's name alone stands for the store with all its defaults. */
const state = z.preprocess(
  (value) => (typeof value === "string" ? { store: value } : (value ?? {})),
  stateSection,
);

const log = section({
  /** What is kept of events; everything where absent. What items and users are stays in any case. */
  retention: section({
    /** Events of files that hold nothing younger than this are dropped, as "400d" or in milliseconds. */
    maxAge: duration().optional(),
    /** The oldest files are dropped while the log is larger than this, as "20GB" or in bytes. */
    maxBytes: size(1_000_000).optional(),
  }).prefault({}),
  /** A file of the log is closed at this size, and is then kept, compacted and dropped as a whole. */
  segmentBytes: size(65_536).default(64 * 1024 * 1024),
});

const retrieval = section({
  /** Candidates that the blend hands to the ranker. */
  candidates: integer(1, 10_000).default(500),
  /** Candidates asked of each source. */
  perSource: integer(1, 10_000).default(1000),
  /** Names of the sources in use; all where absent. */
  sources: list(text("the name of a source"), "names of sources")
    .min(1, { error: "expected at least one source, or leave the key out for all" })
    .optional(),
});

const ranking = section({
  /** Weight of each predicted action in the score, by name; the ranker's own weights where a name is absent. */
  headWeights: z
    .record(
      z.string(),
      z
        .number({ error: "expected a finite weight" })
        .min(-1000, { error: "expected a weight from -1000 to 1000" })
        .max(1000, { error: "expected a weight from -1000 to 1000" }),
      { error: "expected weights by head: { like: 2 }" },
    )
    .default({}),
});

const policy = section({
  /** Slots of an answer that one creator may have; 0 for no cap. */
  maxPerCreator: integer(0, 500).default(DEFAULT_POLICY.maxPerCreator),
  /** 0 keeps the order of the scores; towards 1, items unlike each other are preferred. */
  diversity: z
    .number({ error: "expected a number from 0 up to, but not including, 1" })
    .min(0, { error: "expected a number from 0 up to, but not including, 1" })
    .lt(1, { error: "expected a number from 0 up to, but not including, 1" })
    .default(DEFAULT_POLICY.diversity),
  /** Share of the slots that a random item of the head of the ranking gets, so that other rankings can be judged. */
  explore: z
    .number({ error: "expected a share from 0 to 1" })
    .min(0, { error: "expected a share from 0 to 1" })
    .max(1, { error: "expected a share from 0 to 1" })
    .default(DEFAULT_POLICY.explore),
});

const training = section({
  /**
   * Share of the interactions, the newest, that is held out to measure on before the models are trained on everything;
   * 0 skips the measurement.
   */
  holdOut: z
    .number({ error: "expected a share from 0 to 0.5" })
    .min(0, { error: "expected a share from 0 to 0.5" })
    .max(0.5, { error: "expected a share from 0 to 0.5" })
    .default(0.1),
  /** Share of the interactions, the newest, that the ranker learns from; training's own default where absent. */
  rankerShare: z
    .number({ error: "expected a share from 0.01 to 0.5" })
    .min(0.01, { error: "expected a share from 0.01 to 0.5" })
    .max(0.5, { error: "expected a share from 0.01 to 0.5" })
    .optional(),
  /** At most so many lists of each kind for the ranker; training's own default where absent. */
  maxLists: integer(1, 10_000_000).optional(),
  /** How long fitting may take, as "90s", "30m", "1h" or in milliseconds; training's own default where absent. */
  timeBudget: duration().optional(),
  /**
   * How old the bundle in service becomes before `upnext serve` trains the next one, as "6h" or "1d": in a process of
   * its own, with the lowest priority, that stands still while requests wait. Where absent, only `upnext train` trains.
   */
  every: duration().optional(),
  /** Where networks of retrieval are trained; on the CPU, with a note, where there is no such device. */
  device: z.enum(["cpu", "webgpu"], { error: 'expected "cpu" or "webgpu"' }).optional(),
});

const serving = section({
  /**
   * Threads beside the caller's that compute networks, each with its own copy of them; 0 computes in the caller's.
   * Where absent, `upnext serve` takes one for each core but one, and a program that opens the library 0.
   */
  threads: integer(0, 64, "a number of threads").optional(),
  /** What the encodings of users that are kept for their next request may take, as "64MB" or in bytes. */
  encodings: size(0).default(64_000_000),
});

const slo = section({
  /** Milliseconds that 99 of 100 recommendations take at most: `upnext tradeoffs` chooses a ranker that meets it. */
  p99Ms: integer(1, 60_000, "milliseconds").default(50),
  /** Share of `p99Ms` that stays free when a ranker is chosen: it is measured on one request at a time (guess). */
  margin: z
    .number({ error: "expected a share from 0 to 0.9" })
    .min(0, { error: "expected a share from 0 to 0.9" })
    .max(0.9, { error: "expected a share from 0 to 0.9" })
    .default(0.2),
});

/** `state` as a section: what its short form stands for. */
export type StateSection = z.input<typeof stateSection>;

export const configSchema = section({
  /** Where log, state and bundles are; relative to the folder of the configuration file. */
  directory: text("a path").default(".upnext"),
  server: server.prefault({}),
  /** Milliseconds that a recommendation may take, unless the request says otherwise. */
  budgetMs: integer(1, 60_000, "milliseconds").default(50),
  slo: slo.prefault({}),
  serving: serving.prefault({}),
  state,
  log: log.prefault({}),
  retrieval: retrieval.prefault({}),
  ranking: ranking.prefault({}),
  policy: policy.prefault({}),
  /** Two trainings with the same seed on the same log give the same bundle. */
  seed: integer(0, Number.MAX_SAFE_INTEGER).default(1),
  training: training.prefault({}),
});
