import pino from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, UpnextError } from "../../src/core/index.ts";
import { fill, type Harness, parseRaw, rawExchange, startServer } from "./harness.ts";

/** A user id that must never come back in a message. */
const SECRET = "secret-person-4711";
const BODY_LIMIT = 64 * 1024;

let harness: Harness;
let end: number;

beforeAll(async () => {
  harness = await startServer({ bodyLimit: BODY_LIMIT, batchBodyLimit: 2 * BODY_LIMIT, maxBatch: 100 });
  await fill(harness);
});
beforeEach(() => {
  end = harness.recommender.end;
});
afterAll(() => harness.close());

interface Refusal {
  readonly error: { code: ErrorCode; message: string; docs: string; request: string; problems?: unknown[] };
}

async function send(method: string, path: string, body?: string | Buffer, type = "application/json") {
  const headers: Record<string, string> = body === undefined || type === "" ? {} : { "content-type": type };
  return fetch(harness.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function expectRefusal(answer: Response, code: ErrorCode, message?: RegExp): Promise<void> {
  const text = await answer.text();
  const { error } = JSON.parse(text) as Refusal;
  expect({ code: error.code, status: answer.status }, text).toEqual({ code, status: ERRORS[code].status });
  expect(error.docs).toBe(`docs/errors.md#${code}`);
  expect(error.request).toBe(answer.headers.get("x-request-id"));
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(text).not.toContain(SECRET);
  expect(text).not.toMatch(/\bat .+:\d+:\d+|node_modules|\.ts\b/);
  if (message !== undefined) expect(error.message).toMatch(message);
  expect(harness.recommender.end, "nothing was written").toBe(end);
  expect((await fetch(`${harness.url}/healthz`)).status, "the server goes on").toBe(200);
}

const deep = (levels: number): string => `${"[".repeat(levels)}1${"]".repeat(levels)}`;
const event = (change: object): string =>
  JSON.stringify({ kind: "interaction", user: SECRET, item: "v1", type: "view", ...change });
const LONG = "x".repeat(257);

/** Name, body, code, message. */
type Row = readonly [name: string, body: string | Buffer, code: ErrorCode, message?: RegExp];

const EVENT_BODIES: readonly Row[] = [
  ["an empty body", "", "malformed_json", /got nothing/],
  ["blanks alone", "  \n ", "malformed_json"],
  ["words", "hello", "malformed_json"],
  ["a cut object", '{"user":"secret-person-4711"', "malformed_json"],
  ["single quotes", "{'user':'secret-person-4711'}", "malformed_json", /line 1, column 2|stray/],
  ["a trailing comma", '{"user":"secret-person-4711",}', "malformed_json"],
  ["two values", "{}{}", "malformed_json"],
  ["a comment", "{} // no", "malformed_json"],
  ["NaN", '{"user":"u","item":"v1","type":"watch","value":NaN}', "malformed_json"],
  ["Infinity", '{"user":"u","item":"v1","type":"watch","value":Infinity}', "malformed_json"],
  ["a raw newline in a string", '{"user":"a\nb"}', "malformed_json"],
  ["half a UTF-8 character", Buffer.from([0x22, 0xc3, 0x22]), "malformed_json", /UTF-8/],
  ["UTF-16", Buffer.from('{"user":"u1"}', "utf16le"), "malformed_json"],
  ["a zero byte", Buffer.from('{"user":"u1"}\0'), "malformed_json"],
  ["17 levels of lists", deep(17), "invalid_request", /at most 16 levels/],
  ["30,000 levels of lists", deep(30_000), "invalid_request", /at most 16 levels/],
  ["30,000 open brackets", "[".repeat(30_000), "invalid_request"],
  ["deep objects", `${'{"a":'.repeat(20)}1${"}".repeat(20)}`, "invalid_request"],
  ["__proto__", '{"__proto__":{"admin":true}}', "invalid_request", /__proto__/],
  ["__proto__ spelt with escapes", '{"\\u005f\\u005fproto__":{"admin":true}}', "invalid_request"],
  ["__proto__ far inside", '[{"kind":"item","facts":{"attributes":{"__proto__":1}}}]', "invalid_request"],
  ["constructor.prototype", '{"constructor":{"prototype":{"admin":1}}}', "invalid_request"],
  ["null", "null", "invalid_event", /expected an event as an object/],
  ["a number", "5", "invalid_event"],
  ["a string", '"event"', "invalid_event"],
  ["true", "true", "invalid_event"],
  ["an empty object", "{}", "invalid_event", /kind/],
  ["a list of numbers", "[1,2]", "invalid_event", /2 of 2 events are not valid; nothing was written/],
  ["events that are no list", '{"events":"x"}', "invalid_event", /events: expected a list/],
  ["events beside another key", '{"events":[],"dryRun":true}', "invalid_event"],
  ["an unknown kind", event({ kind: "interactoin" }), "invalid_event", /Did you mean "interaction"/],
  ["a kind of the prototype", event({ kind: "constructor" }), "invalid_event"],
  ["no user", event({ user: undefined, kind: "interaction" }), "invalid_event", /user/],
  ["a user that is a number", event({ user: 4711 }), "invalid_event", /got a number/],
  ["a user that is null", event({ user: null }), "invalid_event"],
  ["an empty user", event({ user: "" }), "invalid_event"],
  ["a user of 257 characters", event({ user: LONG }), "invalid_event", /256/],
  ["a user with a control character", event({ user: "a\u0000b" }), "invalid_event"],
  ["half a surrogate pair as user", '{"user":"\\ud83c","item":"v1","type":"view"}', "invalid_event"],
  ["no item", event({ item: undefined }), "invalid_event", /item/],
  ["an item that is a list", event({ item: ["v1"] }), "invalid_event"],
  ["an unknown type", event({ type: "wacth" }), "invalid_event", /Did you mean "watch"/],
  ["a type of another type", event({ type: 1 }), "invalid_event"],
  ["a value that is text", event({ type: "watch", value: "0.9" }), "invalid_event"],
  ["a share above 1", event({ type: "watch", value: 54 }), "invalid_event", /0 to 1/],
  ["a negative share", event({ type: "watch", value: -0.1 }), "invalid_event"],
  [
    "a value that overflows to infinity",
    event({ type: "purchase" }).replace("}", ',"value":1e999}'),
    "invalid_event",
  ],
  ["a value where there is none", event({ type: "like", value: 1 }), "invalid_event"],
  ["a rating of 11", event({ type: "rate", value: 11 }), "invalid_event"],
  ["a time that is text", event({ time: "2026-01-01" }), "invalid_event"],
  ["a time with a fraction", event({ time: 1.5 }), "invalid_event"],
  ["a negative time", event({ time: -1 }), "invalid_event"],
  ["a time in the year 5138", event({ time: 1e14 }), "invalid_event", /one day ahead/],
  ["a time beyond safe integers", event({ time: 1e17 }), "invalid_event"],
  ["an id that is a number", event({ id: 7 }), "invalid_event"],
  ["an empty id", event({ id: "" }), "invalid_event"],
  ["a misspelt key", event({ vlaue: 0.5 }), "invalid_event", /Did you mean "value"/],
  [
    "an impression without slots",
    JSON.stringify({ kind: "impression", user: SECRET, request: "r", slots: [] }),
    "invalid_event",
  ],
  [
    "an impression with one position twice",
    JSON.stringify({
      kind: "impression",
      user: SECRET,
      request: "r",
      slots: [
        { item: "a", position: 0 },
        { item: "b", position: 0 },
      ],
    }),
    "invalid_event",
  ],
  [
    "a propensity of 0",
    JSON.stringify({
      kind: "impression",
      user: SECRET,
      request: "r",
      slots: [{ item: "a", position: 0, propensity: 0 }],
    }),
    "invalid_event",
  ],
  ["an item without facts", JSON.stringify({ kind: "item", item: "v9" }), "invalid_event", /facts/],
  [
    "a title that is a number",
    JSON.stringify({ kind: "item", item: "v9", facts: { title: 5 } }),
    "invalid_event",
  ],
  [
    "nested attributes",
    JSON.stringify({ kind: "item", item: "v9", facts: { attributes: { a: { b: 1 } } } }),
    "invalid_event",
  ],
  ["101 events", JSON.stringify(Array.from({ length: 101 }, () => ({}))), "batch_too_large", /at most 100/],
  ["a body over the limit", JSON.stringify([{ pad: "x".repeat(2 * BODY_LIMIT) }]), "body_too_large"],
];

const QUERIES: readonly (readonly [query: string, message: RegExp])[] = [
  ["", /user: expected a user id.*got nothing/],
  ["?", /user/],
  ["?user=", /user: expected/],
  [`?user=${LONG}`, /got a string of 257 characters/],
  ["?user=a%00b", /control/],
  ["?user=%zz", /percent-encoding/],
  ["?user=%C3", /percent-encoding/],
  ["?user=a&%ff=1", /percent-encoding/],
  [`?user=${SECRET}&user=${SECRET}`, /user: .*got it 2 times/],
  ["?user=a&limit=abc", /^limit: expected an integer from 1 to 500, got "abc"$/],
  ["?user=a&limit=0", /^limit: expected an integer from 1 to 500, got "0"$/],
  ["?user=a&limit=501", /got "501"/],
  ["?user=a&limit=-1", /got "-1"/],
  ["?user=a&limit=1.5", /got "1.5"/],
  ["?user=a&limit=1e2", /got "1e2"/],
  ["?user=a&limit=", /got ""/],
  ["?user=a&limit=+5", /limit/],
  ["?user=a&limit=NaN", /got "NaN"/],
  ["?user=a&limit=99999999999999999999", /limit/],
  ["?user=a&limit=5&limit=6", /limit: .*got it 2 times/],
  ["?user=a&after=-1", /after: expected an integer of at least 0, got "-1"/],
  ["?user=a&after=9007199254740993", /after/],
  ["?user=a&explain=yes", /explain: expected true or false, got "yes"/],
  ["?user=a&explain=1", /explain/],
  ["?user=a&log=", /log/],
  ["?user=a&allowSeen=TRUE", /allowSeen/],
  ["?user=a&budgetMs=0", /budgetMs/],
  ["?user=a&budgetMs=60001", /budgetMs/],
  ["?user=a&include=", /include: expected/],
  ["?user=a&exclude=a,,b", /exclude: expected/],
  [`?user=a&exclude=${LONG}`, /exclude/],
  [`?user=a&whyNot=${Array.from({ length: 21 }, (_, i) => `v${i}`).join()}`, /whyNot: expected at most 20/],
  ["?user=a&categories=%07", /categories/],
  ["?user=a&limt=5", /unknown key "limt".*Did you mean "limit"/],
  ["?user=a&__proto__=1", /unknown key/],
  [`?user=a&${SECRET}`, /unknown key of 18 characters/],
  ["?user=a&user[admin]=1", /unknown key/],
];

const RECOMMEND_BODIES: readonly Row[] = [
  ["no user", "{}", "invalid_request", /user: .*got nothing/],
  [
    "a list",
    "[]",
    "invalid_request",
    /body: expected a recommendation request as an object, got a list of 0/,
  ],
  ["null", "null", "invalid_request"],
  ["a user that is a number", '{"user":4711}', "invalid_request", /got a number/],
  ["a limit that is text", '{"user":"a","limit":"5"}', "invalid_request", /got "5"/],
  ["a limit of 0", '{"user":"a","limit":0}', "invalid_request", /got 0/],
  ["a limit of 501", '{"user":"a","limit":501}', "invalid_request"],
  ["a limit with a fraction", '{"user":"a","limit":2.5}', "invalid_request", /got 2.5/],
  ["a limit that overflows", '{"user":"a","limit":1e999}', "invalid_request", /got Infinity/],
  ["a limit that is null", '{"user":"a","limit":null}', "invalid_request"],
  ["an offset that is negative", '{"user":"a","after":-1}', "invalid_request"],
  ["include that is text", '{"user":"a","include":"v1"}', "invalid_request"],
  [
    "a number in include",
    '{"user":"a","include":["v1",2]}',
    "invalid_request",
    /include\[1\]: .*got a number/,
  ],
  ["an empty id in exclude", '{"user":"a","exclude":[""]}', "invalid_request"],
  [
    "21 items in whyNot",
    JSON.stringify({ user: "a", whyNot: Array.from({ length: 21 }, (_, i) => `v${i}`) }),
    "invalid_request",
    /got a list of 21/,
  ],
  [
    "10,001 items in exclude",
    JSON.stringify({ user: "a", exclude: Array.from({ length: 10_001 }, () => "v") }),
    "invalid_request",
  ],
  ["explain that is text", '{"user":"a","explain":"true"}', "invalid_request"],
  ["a budget of a second as text", '{"user":"a","budgetMs":"1s"}', "invalid_request"],
  ["a misspelt key", '{"user":"a","excludes":[]}', "invalid_request", /Did you mean "exclude"/],
  [
    "every field wrong",
    '{"user":1,"limit":"x","after":"x","include":1,"exclude":1,"explain":1,"log":1}',
    "invalid_request",
    /and 2 more/,
  ],
  ["a body over the limit", JSON.stringify({ user: "x".repeat(BODY_LIMIT) }), "body_too_large"],
];

const REQUESTS: readonly (readonly [
  method: string,
  path: string,
  body: string | undefined,
  type: string,
  code: ErrorCode,
])[] = [
  ["POST", "/v1/events", event({}), "text/plain", "unsupported_media_type"],
  ["POST", "/v1/events", event({}), "", "unsupported_media_type"],
  ["POST", "/v1/events", event({}), "application/x-www-form-urlencoded", "unsupported_media_type"],
  ["POST", "/v1/events", event({}), "application/xml", "unsupported_media_type"],
  ["POST", "/v1/events", event({}), "nonsense", "unsupported_media_type"],
  ["POST", "/v1/events", event({}), "application/json5", "unsupported_media_type"],
  ["POST", "/v1/events", undefined, "", "invalid_event"],
  ["POST", "/v1/recommendations", undefined, "", "invalid_request"],
  ["GET", "/nowhere", undefined, "", "not_found"],
  ["GET", "/v1", undefined, "", "not_found"],
  ["GET", "/V1/recommendations?user=a", undefined, "", "not_found"],
  ["GET", "/v1/recommendations/?user=a", undefined, "", "not_found"],
  ["POST", "/nowhere", "{", "application/json", "not_found"],
  ["POST", "/nowhere", "x", "text/plain", "not_found"],
  ["GET", `/v1/users/${SECRET}`, undefined, "", "method_not_allowed"],
  ["GET", "/v1/events", undefined, "", "method_not_allowed"],
  ["DELETE", "/v1/recommendations", undefined, "", "method_not_allowed"],
  ["POST", "/healthz", "{", "application/json", "method_not_allowed"],
  ["PATCH", "/v1/items/v1", "{}", "application/json", "method_not_allowed"],
  ["GET", "/v1/items/%zz/similar", undefined, "", "invalid_request"],
  ["GET", "/v1/items/%C3/similar", undefined, "", "invalid_request"],
  ["GET", "/v1/items/a%00b/similar", undefined, "", "invalid_request"],
  ["GET", "/v1/items//similar", undefined, "", "invalid_request"],
  ["GET", `/v1/items/${LONG}/similar`, undefined, "", "invalid_request"],
  ["GET", `/v1/items/${"x".repeat(5_000)}/similar`, undefined, "", "invalid_request"],
  ["GET", "/v1/items/v404/similar", undefined, "", "unknown_item"],
  ["GET", "/v1/items/v1/similar?limit=0", undefined, "", "invalid_request"],
  ["GET", "/v1/items/v1/similar?n=5", undefined, "", "invalid_request"],
  ["PUT", "/v1/items/v1", undefined, "", "invalid_event"],
  ["PUT", "/v1/items/v1", "[]", "application/json", "invalid_event"],
  ["PUT", "/v1/items/v1", '{"title":5}', "application/json", "invalid_event"],
  ["PUT", "/v1/items/v1", '{"titel":"x"}', "application/json", "invalid_event"],
  ["PUT", "/v1/items/v1", '{"duration":-1}', "application/json", "invalid_event"],
  ["PUT", `/v1/items/${LONG}`, "{}", "application/json", "invalid_request"],
  ["PUT", `/v1/users/${SECRET}`, '{"a":{"b":1}}', "application/json", "invalid_event"],
  ["PUT", `/v1/users/${SECRET}`, '{"a":null}', "application/json", "invalid_event"],
  ["PUT", `/v1/users/${SECRET}`, "null", "application/json", "invalid_event"],
  ["DELETE", "/v1/users/a%0Ab", undefined, "", "invalid_request"],
  ["DELETE", `/v1/users/${LONG}`, undefined, "", "invalid_request"],
];

const RAW: readonly (readonly [name: string, bytes: string, status: number, code: ErrorCode])[] = [
  ["no HTTP", "hello\r\n\r\n", 400, "invalid_request"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_request"],
  ["an unknown method", "STEAL / HTTP/1.1\r\nhost: a\r\n\r\n", 400, "invalid_request"],
  ["a bad version", "GET / HTTP/9.9\r\nhost: a\r\n\r\n", 400, "invalid_request"],
  ["no host", "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "invalid_request"],
  ["a header without a colon", "GET / HTTP/1.1\r\nhost a\r\n\r\n", 400, "invalid_request"],
  [
    "two lengths",
    "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    400,
    "invalid_request",
  ],
  [
    "a length and chunks",
    "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
    "invalid_request",
  ],
  [
    "a length that is no number",
    "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    400,
    "invalid_request",
  ],
  [
    "a bad chunk size",
    "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    400,
    "invalid_request",
  ],
  [
    "headers of 20 KB",
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
    431,
    "headers_too_large",
  ],
  [
    "a query of 20 KB",
    `GET /v1/recommendations?user=${"y".repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    431,
    "headers_too_large",
  ],
  [
    "a chunked body over the limit",
    `POST /v1/recommendations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n11000\r\n${"x".repeat(0x11000)}\r\n0\r\n\r\n`,
    413,
    "body_too_large",
  ],
  [
    "a length over the limit, before the body",
    `POST /v1/recommendations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n`,
    413,
    "body_too_large",
  ],
];

describe("hostile input is refused by name, changes nothing, and the server goes on", () => {
  for (const [name, body, code, message] of EVENT_BODIES) {
    it(`events: ${name}`, async () => expectRefusal(await send("POST", "/v1/events", body), code, message));
  }

  for (const [query, message] of QUERIES) {
    it(`recommendations${query.slice(0, 50)}`, async () =>
      expectRefusal(await send("GET", `/v1/recommendations${query}`), "invalid_request", message));
  }

  for (const [name, body, code, message] of RECOMMEND_BODIES) {
    it(`recommendations: ${name}`, async () =>
      expectRefusal(await send("POST", "/v1/recommendations", body), code, message));
  }

  for (const [method, path, body, type, code] of REQUESTS) {
    const sent = body === undefined ? "" : ` with ${body.slice(0, 40)} as ${type || "no type"}`;
    it(`${method} ${path.slice(0, 50)}${sent}`, async () =>
      expectRefusal(await send(method, path, body, type), code));
  }

  for (const [name, bytes, status, code] of RAW) {
    it(`on the wire: ${name}`, async () => {
      const raw = await rawExchange(harness.port, bytes);
      expect(parseRaw(raw), raw).toEqual({ status, code });
      expect((await fetch(`${harness.url}/healthz`)).status).toBe(200);
    });
  }

  it("names every bad event of a batch by its index, at most 20, and writes none of the good ones", async () => {
    const good = { user: "u1", item: "v1", type: "view" };
    const batch = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? good : { ...good, type: "x" }));
    const answer = await send("POST", "/v1/events", JSON.stringify(batch));
    const { error } = (await answer.clone().json()) as Refusal;
    expect(error.message).toMatch(/^30 of 60 events are not valid; nothing was written/);
    expect(error.problems).toHaveLength(20);
    expect(error.problems?.[1]).toMatchObject({ index: 3, message: /events\[3\]\.type: got "x"/ });
    await expectRefusal(answer, "invalid_event");
  });

  it("takes exactly as many events, levels and bytes as it says", async () => {
    const batch = Array.from({ length: 100 }, () => ({ user: "u1", item: "v1", type: "view" }));
    expect((await send("POST", "/v1/events", JSON.stringify(batch))).status).toBe(200);
    end = harness.recommender.end;
    await expectRefusal(await send("POST", "/v1/events", deep(16)), "invalid_event");
    const full = JSON.stringify({ user: "u1", log: false });
    const padded = full.padEnd(BODY_LIMIT, " ");
    expect((await send("POST", "/v1/recommendations", padded)).status).toBe(200);
    await expectRefusal(await send("POST", "/v1/recommendations", `${padded} `), "body_too_large");
  });

  it("does not count brackets inside of strings", async () => {
    const body = JSON.stringify({ user: `[[[[[[[[[[[[[[[[[[[["\\`, log: false });
    expect((await send("POST", "/v1/recommendations", body)).status).toBe(200);
  });

  it("takes a byte order mark and non-ASCII text", async () => {
    const body = Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      Buffer.from('{"user":"Zoë 🎬","log":false}'),
    ]);
    const answer = await send("POST", "/v1/recommendations", body, "application/json; charset=utf-8");
    expect(await answer.json()).toMatchObject({ user: "Zoë 🎬" });
  });

  it("does not let a polluted key reach any object", async () => {
    await send("POST", "/v1/events", '{"__proto__":{"polluted":true}}');
    await send("POST", "/v1/events", '{"constructor":{"prototype":{"polluted":true}}}');
    expect("polluted" in {}).toBe(false);
  });
});

describe("failures behind the server", () => {
  it("tells a bug by its request id alone and an unavailable log by its code; a line each, without a user", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
    const failing = await startServer({ logger }, (recommender) => ({
      ...recommender,
      state: async () => {
        throw new TypeError(`cannot read ${SECRET}`, { cause: new Error(`no key state/${SECRET}`) });
      },
      track: async () => {
        throw new UpnextError("log_unavailable", "log: the disk is full. Free some space.");
      },
    }));
    const headers = { "content-type": "application/json", "x-request-id": "bug-1" };
    const bug = await fetch(`${failing.url}/v1/users/${SECRET}/state`, { headers });
    expect(bug.status).toBe(500);
    const { error } = (await bug.json()) as Refusal;
    expect(error).toMatchObject({
      code: "internal",
      request: "bug-1",
      message: expect.stringContaining("bug-1"),
    });
    expect(JSON.stringify(error)).not.toContain(SECRET);
    const full = await fetch(`${failing.url}/v1/events`, { method: "POST", headers, body: event({}) });
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "1"]);
    await fetch(`${failing.url}/nowhere`);
    await failing.close();
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain(SECRET);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      request: "bug-1",
      code: "internal",
      route: "/v1/users/:id/state",
      error: { name: "TypeError", message: "cannot read …", cause: { message: "no key state/…" } },
    });
  });
});
