/** Requests that nobody should send, by the thousand: made at random from a seed, as bytes for a connection. */
import { Random } from "../../src/core/index.ts";

export interface HostileCase {
  readonly kind: string;
  readonly bytes: Buffer;
}

const TEXTS = [
  ..."\u0000|\n|'|\"|%|\\|<script>|../../etc/passwd|{{7*7}}|\u202eevil|\ud83c\udfac|e\u0301\u0301|\ufeff|NaN".split(
    "|",
  ),
  ..."__proto__|constructor|prototype|toString|hasOwnProperty|length|then|-0|1e999|9007199254740993".split(
    "|",
  ),
  "x".repeat(257),
  "é".repeat(300),
  "%00%ff",
];
const PATHS = [
  "/",
  "/healthz",
  "/readyz",
  "/metrics",
  "/openapi.json",
  "/console",
  "/v1/events",
  "/v1/recommendations",
];
const ID_PATHS = [
  "/v1/items/ID",
  "/v1/items/ID/similar",
  "/v1/users/ID",
  "/v1/users/ID/state",
  "/v1/releases/ID",
  "/console/ID",
];
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "STEAL", "get"];
const NAMES = [
  "user",
  "limit",
  "after",
  "include",
  "exclude",
  "categories",
  "whyNot",
  "explain",
  "budgetMs",
  "log",
  "allowSeen",
  "surface",
  "whatIf",
  "item",
  "type",
  "value",
  "time",
  "id",
  "kind",
  "events",
  "facts",
  "slots",
];
const HEADERS = [
  "x-request-id",
  "authorization",
  "x-api-key",
  "accept",
  "accept-encoding",
  "cookie",
  "origin",
  "expect",
  "if-none-match",
  "transfer-encoding",
  "upgrade",
  "range",
  "content-encoding",
  "forwarded",
];

export function hostileCase(seed: number, index: number): HostileCase {
  const random = new Random(`hostile/${seed}/${index}`);
  const kinds = Object.keys(KINDS);
  const kind = kinds[random.int(kinds.length)]!;
  return { kind, bytes: KINDS[kind]!(random) };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)]!;

const KINDS: Readonly<Record<string, (random: Random) => Buffer>> = {
  path: (random) => request(pick(random, METHODS), path(random), []),
  query: (random) =>
    request("GET", `${pick(random, [...PATHS, "/v1/items", "/v1/users"])}?${query(random)}`, []),
  headers: (random) => {
    const lines = Array.from({ length: 1 + random.int(20) }, () => header(random));
    return request("GET", pick(random, PATHS), lines);
  },
  "many headers": (random) => {
    const lines = Array.from({ length: random.int(2_500) }, (_, i) => `h${i}: ${i}`);
    return request("GET", "/healthz", lines);
  },
  events: (random) => post("/v1/events", JSON.stringify(value(random, 0))),
  recommendation: (random) => post("/v1/recommendations", JSON.stringify(object(random, 0))),
  facts: (random) => {
    const body = JSON.stringify(object(random, 0));
    return request("PUT", `/v1/${pick(random, ["items", "users"])}/x`, [JSON_TYPE], body);
  },
  depth: (random) => {
    const [open, close] = pick(random, [
      ["[", "]"],
      ['{"a":', "}"],
      ['[{"a":[', "]}]"],
    ] as const);
    const levels = 1 + random.int(3_000);
    return post("/v1/events", open.repeat(levels) + (random.next() < 0.5 ? `1${close.repeat(levels)}` : ""));
  },
  prototypes: (random) => {
    const key = pick(random, ["__proto__", "\\u005f_proto__", 'constructor":{"prototype']);
    return post(
      "/v1/recommendations",
      `{"user":"u1","${key}":{"isAdmin":true}${key.startsWith("c") ? "}" : ""}}`,
    );
  },
  duplicates: (random) => {
    const members = Array.from(
      { length: 2 + random.int(200) },
      () => `"${pick(random, NAMES)}":${JSON.stringify(value(random, 3))}`,
    );
    return post("/v1/recommendations", `{${members.join()}}`);
  },
  numbers: (random) => {
    const number = pick(random, [
      "1e999",
      "-0",
      "1".repeat(20_000),
      `0.${"0".repeat(5_000)}1`,
      "1e-400",
      "0x10",
      "01",
      "-",
      "9007199254740993",
    ]);
    return post("/v1/recommendations", `{"user":"u1","limit":${number},"after":${number}}`);
  },
  large: (random) => {
    const element = pick(random, [
      '""',
      "1",
      "{}",
      "[]",
      '"v1"',
      '{"user":"u","item":"v","type":"view"}',
      `"${"x".repeat(300)}"`,
    ]);
    const count = Math.floor(random.int(1_200_000) / (element.length + 1));
    const list = `[${Array(count).fill(element).join()}]`;
    const bodies = [
      list,
      `{"events":${list}}`,
      `{"user":"u1","exclude":${list}}`,
      `{"user":"u1","whatIf":{"add":${list}}}`,
    ];
    return post(pick(random, ["/v1/events", "/v1/recommendations"]), pick(random, bodies));
  },
  "many keys": (random) => {
    const members = Array.from({ length: random.int(60_000) }, (_, i) => `"k${i}":1`);
    return post(pick(random, ["/v1/events", "/v1/recommendations"]), `{"user":"u1",${members.join()}}`);
  },
  cut: (random) => {
    const whole = post("/v1/events", JSON.stringify(value(random, 0)));
    return whole.subarray(0, random.int(whole.length));
  },
  flipped: (random) => {
    const whole = Buffer.from(
      post("/v1/recommendations", JSON.stringify({ user: "u1", ...object(random, 2) })),
    );
    for (let i = 0; i < 1 + random.int(8); i++) whole[random.int(whole.length)] = random.int(256);
    return whole;
  },
  noise: (random) => Buffer.from(Array.from({ length: random.int(2_000) }, () => random.int(256))),
  length: (random) => {
    const length = pick(random, ["-1", "0", "1e3", "99999999999", "5, 5", "x", "0x5", "2"]);
    return Buffer.from(
      `POST /v1/events HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}\r\ncontent-length: ${length}\r\n\r\n{"a":1}`,
    );
  },
  chunks: (random) => {
    const size = pick(random, ["5", "FFFFFFFFFFFF", "-1", "zz", "0", "1;x=y", "00000000000000000005"]);
    return Buffer.from(
      `POST /v1/events HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n[1,2]\r\n0\r\n\r\n`,
    );
  },
  pipelined: (random) =>
    Buffer.from(
      `GET ${pick(random, PATHS)}?${query(random)} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(1 + random.int(60)),
    ),
};

const JSON_TYPE = "content-type: application/json";

function request(method: string, target: string, headers: readonly string[], body?: string): Buffer {
  const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const lines = [`${method} ${target} HTTP/1.1`, "host: a", "connection: close", ...headers, ...length];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}

function post(target: string, body: string): Buffer {
  return request("POST", target, [JSON_TYPE], body);
}

function text(random: Random): string {
  return Array.from({ length: random.int(4) }, () => pick(random, TEXTS)).join("");
}

function encoded(random: Random): string {
  const raw = text(random);
  // Half of them as a careful client writes them, the others as they come, but for what would end the line.
  return random.next() < 0.5 ? encodeURIComponent(raw) : raw.replace(/[^!-\uffff]/g, "%");
}

function path(random: Random): string {
  const made = random.next() < 0.6 ? pick(random, ID_PATHS) : `${pick(random, PATHS)}/ID`;
  return made.replace("ID", () => encoded(random));
}

function query(random: Random): string {
  return Array.from({ length: random.int(12) }, () => {
    const name = random.next() < 0.8 ? pick(random, NAMES) : encoded(random);
    return `${name}=${random.next() < 0.3 ? random.int(1_000) : encoded(random)}`;
  }).join("&");
}

function header(random: Random): string {
  return `${pick(random, HEADERS)}: ${text(random).replace(/[^ -\uffff]/g, "")}`;
}

function value(random: Random, depth: number): unknown {
  const kind = random.int(depth > 5 ? 5 : 8);
  if (kind === 0) return null;
  if (kind === 1) return random.next() < 0.5;
  if (kind === 2) return random.normal() * 10 ** random.int(20);
  if (kind <= 4) return text(random);
  if (kind === 5) return Array.from({ length: random.int(6) }, () => value(random, depth + 1));
  return object(random, depth + 1);
}

function object(random: Random, depth: number): object {
  const members = Array.from({ length: random.int(8) }, () => {
    return [random.next() < 0.8 ? pick(random, NAMES) : text(random), value(random, depth + 1)] as const;
  });
  return Object.fromEntries(members);
}
