import pino from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, UpnextError } from "../../src/core/index.ts";
import { fill, type Harness, parseRaw, rawExchange, startServer } from "./harness.ts";
import {
  BODY_LIMIT,
  deep,
  EVENT_BODIES,
  event,
  QUERIES,
  RAW,
  RECOMMEND_BODIES,
  REQUESTS,
  SECRET,
} from "./hostile-input.ts";

let harness: Harness;
let end: number;

beforeAll(async () => {
  harness = await startServer({ bodyLimit: BODY_LIMIT, batchBodyLimit: 2 * BODY_LIMIT, maxBatch: 100 });
  await fill(harness);
});
beforeEach(async () => {
  end = await harness.end();
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
  expect(await harness.end(), "nothing was written").toBe(end);
  expect((await fetch(`${harness.url}/healthz`)).status, "the server goes on").toBe(200);
}

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
    end = await harness.end();
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
    const failing = await startServer({ logger }, () => ({
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
