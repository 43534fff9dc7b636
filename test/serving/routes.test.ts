import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Recommendation } from "../../src/pipeline/recommender.ts";
import { fill, type Harness, postJson, startServer } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await startServer();
});
afterAll(() => harness.close());

async function get(
  path: string,
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const answer = await fetch(harness.url + path);
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

describe("the routes over real HTTP", () => {
  it("is alive and not ready while a check fails, and then names that check with its cure", async () => {
    const failure = {
      name: "bundle",
      level: "failure",
      message: "It was refused.",
      cure: "npx upnext train",
    };
    const failing = await startServer({}, (upnext) => ({
      status: async () => {
        const status = await upnext.status();
        return { ...status, ready: false, checks: [...status.checks, failure] as typeof status.checks };
      },
    }));
    expect(await (await fetch(`${failing.url}/healthz`)).json()).toEqual({ status: "ok" });
    const answer = await fetch(`${failing.url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ready: false, checks: [failure] });
    await failing.close();
  });

  it("takes a batch, a list and a single event, and counts what it knew already", async () => {
    await fill(harness);
    const list = await postJson(`${harness.url}/v1/events`, [
      { kind: "interaction", id: "e1", user: "u1", item: "v1", type: "watch", value: 0.9 },
      { kind: "interaction", id: "e2", user: "u2", item: "v2", type: "like" },
    ]);
    expect(await list.json()).toEqual({ offset: 4, accepted: 1, duplicates: 1, forgotten: 0 });
    const single = await postJson(`${harness.url}/v1/events`, { user: "u2", item: "v1", type: "view" });
    expect(await single.json()).toEqual({ offset: 5, accepted: 1, duplicates: 0, forgotten: 0 });
    const empty = await postJson(`${harness.url}/v1/events`, { events: [] });
    expect(await empty.json()).toEqual({ offset: 5, accepted: 0, duplicates: 0, forgotten: 0 });
  });

  it("is ready once nothing fails and then shows all checks, warnings with their cure", async () => {
    const { status, body } = await get("/readyz");
    expect(status).toBe(200);
    const bundle = { name: "bundle", level: "warning", cure: "npx upnext train" };
    expect(body).toMatchObject({
      ready: true,
      checks: expect.arrayContaining([expect.objectContaining(bundle)]),
    });
  });

  it("answers a GET and the same POST with the same items", async () => {
    const query = "user=u9&limit=2&exclude=v7,v8&allowSeen=true&log=false";
    const { body } = await get(`/v1/recommendations?${query}`);
    const wanted = { user: "u9", limit: 2, exclude: ["v7", "v8"], allowSeen: true, log: false };
    const post = await postJson(`${harness.url}/v1/recommendations`, wanted);
    const { items } = (await post.json()) as { items: unknown };
    // Scores of the same items move with the clock.
    for (const same of [items, body["items"]])
      expect(same).toMatchObject([{ item: "v1", position: 0, facts: { title: "One" } }, { item: "v2" }]);
  });

  it("loses no field of an answer to its serialiser", async () => {
    const wanted = { user: "u9", explain: true, whyNot: ["v404"], log: false, request: "r-whole" };
    const answers: Recommendation[] = [];
    const recording = await startServer({}, (upnext) => ({
      recommend: async (request) => {
        answers.push(await upnext.recommend(request));
        return answers[0]!;
      },
    }));
    await fill(recording);
    const post = await postJson(`${recording.url}/v1/recommendations`, wanted);
    const body = (await post.json()) as Recommendation;
    expect(body.items[0]?.why?.sources).not.toHaveLength(0);
    expect(body).toEqual(JSON.parse(JSON.stringify(answers[0])));
    await recording.close();
  });

  it("answers an unknown user with popular items and the reason", async () => {
    const { status, body } = await get("/v1/recommendations?user=nobody&log=false");
    expect(status).toBe(200);
    expect(body).toMatchObject({ personal: false, reasons: expect.arrayContaining(["unknown_user"]) });
  });

  it("reflects an event in the next answer that is asked with its offset", async () => {
    const event = { user: "u3", item: "v1", type: "watch", value: 1 };
    const posted = await postJson(`${harness.url}/v1/events`, event);
    const { offset } = (await posted.json()) as { offset: number };
    const { body } = await get(`/v1/recommendations?user=u3&after=${offset}&log=false`);
    expect(body["offset"]).toBeGreaterThanOrEqual(offset);
    expect(body["items"]).toMatchObject([{ item: "v2" }]);
  });

  it("keeps that promise for many clients at once, and loses none of their events", async () => {
    const before = await harness.end();
    const clients = Array.from({ length: 40 }, async (_, i) => {
      const user = `crowd-${i}`;
      const posted = await postJson(`${harness.url}/v1/events`, { user, item: "v1", type: "like" });
      const { offset } = (await posted.json()) as { offset: number };
      const { body } = await get(`/v1/recommendations?user=${user}&after=${offset}&log=false`);
      expect(body["offset"]).toBeGreaterThanOrEqual(offset);
      expect((body["items"] as { item: string }[]).map(({ item }) => item)).not.toContain("v1");
    });
    await Promise.all(clients);
    expect(await harness.end()).toBe(before + 40);
  });

  it("refuses an offset that the log has not reached", async () => {
    const { status, body } = await get("/v1/recommendations?user=u1&after=999999");
    expect(status).toBe(409);
    expect(body).toMatchObject({ error: { code: "offset_ahead" } });
  });

  it("writes an impression for a GET and none for a HEAD", async () => {
    const before = await harness.end();
    await fetch(`${harness.url}/v1/recommendations?user=u1`, { method: "HEAD" });
    await get("/v1/recommendations?user=u1&log=false");
    await get("/v1/recommendations?user=u1");
    await expect.poll(() => harness.end()).toBe(before + 1);
  });

  it("shows the stages' times and the fallback in server-timing", async () => {
    const { headers } = await get("/v1/recommendations?user=u1&log=false");
    expect(headers.get("server-timing")).toMatch(
      /^queue;dur=[\d.]+, state;dur=[\d.]+, (\w+(;desc="\w+")?;dur=[\d.]+, )+total;dur=[\d.]+$/,
    );
  });

  it("finds similar items and answers 404 for an item that nobody mentioned", async () => {
    expect((await get("/v1/items/v1/similar?limit=1")).body).toMatchObject({
      item: "v1",
      items: [{ item: "v2" }],
    });
    const { status, body } = await get("/v1/items/v404/similar");
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: "unknown_item", docs: "docs/errors.md#unknown_item" } });
  });

  it("upserts, removes and brings back an item whose id needs encoding", async () => {
    const id = "v/ü 100%🎬";
    const path = `/v1/items/${encodeURIComponent(id)}`;
    const titles = async () => {
      const { body } = await get("/v1/recommendations?user=u9&log=false");
      return (body["items"] as { item: string }[]).map(({ item }) => item);
    };
    expect((await postJson(harness.url + path, { title: "Slash" }, "PUT")).status).toBe(200);
    expect(await titles()).toContain(id);
    expect((await fetch(harness.url + path, { method: "DELETE" })).status).toBe(200);
    expect(await titles()).not.toContain(id);
    expect((await postJson(harness.url + path, {}, "PUT")).status).toBe(200);
    expect(await titles()).toContain(id);
  });

  it("takes ids of 256 characters in a path and refuses 257", async () => {
    const emoji = "é".repeat(256);
    expect((await get(`/v1/users/${encodeURIComponent(emoji)}/state`)).status).toBe(200);
    const { status, body } = await get(`/v1/users/${encodeURIComponent(`${emoji}é`)}/state`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: "invalid_request" } });
  });

  it("upserts a user, shows the state with null for what has no value, and forgets", async () => {
    expect((await postJson(`${harness.url}/v1/users/u2`, { country: "PT" }, "PUT")).status).toBe(200);
    const { body } = await get("/v1/users/u2/state");
    expect(body).toMatchObject({ user: "u2", vetoes: [], erasedAt: null });
    expect(body["touches"]).toMatchObject([{ item: "v1", type: "view", value: null }, { item: "v2" }]);
    const receipt = await fetch(`${harness.url}/v1/users/u2`, { method: "DELETE" });
    expect(await receipt.json()).toMatchObject({
      user: "u2",
      state: { store: "memory", touches: 2, done: true },
      bundles: [],
    });
    expect((await get("/v1/users/u2/state")).body).toMatchObject({ touches: [] });
  });

  it("says at / what to try, with the address it listens on", async () => {
    const { body } = await get("/");
    expect(body).toMatchObject({ name: "upnext" });
    for (const { line } of body["try"] as { line: string }[]) expect(line).toContain(harness.url);
  });

  it("gives the metrics as text and observes routes by pattern, never by URL", async () => {
    await fetch(`${harness.url}/v1/users/secret-user/state`);
    await fetch(`${harness.url}/secret-path`);
    const metrics = await fetch(`${harness.url}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("version=0.0.4");
    const text = await metrics.text();
    expect(text).toContain('upnext_requests_total{route="/v1/users/:id/state",method="GET",status="200"}');
    expect(text).not.toContain("secret");
    const seen = harness.observed.map(({ route }) => route);
    expect(seen).toContain("/v1/users/:id/state");
    expect(seen).toContain("(unknown)");
    expect(seen.join()).not.toContain("secret");
  });
});

describe("the frame around every answer", () => {
  it("keeps a harmless x-request-id, replaces any other, and makes one where there is none", async () => {
    const idFor = async (given?: string) => {
      const headers: Record<string, string> = given === undefined ? {} : { "x-request-id": given };
      const answer = await fetch(`${harness.url}/healthz`, { headers });
      return answer.headers.get("x-request-id");
    };
    expect(await idFor("trace-1.a:b")).toBe("trace-1.a:b");
    expect(await idFor('"><script>')).toMatch(/^[0-9a-f]{8}-\w+$/);
    expect(await idFor("x".repeat(129))).toMatch(/^[0-9a-f]{8}-\w+$/);
    expect(await idFor()).not.toBe(await idFor());
  });

  it("forbids sniffing and storing", async () => {
    const { headers } = await get("/v1/users/u1/state");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("answers HEAD without a body, OPTIONS with the methods, and other methods with 405", async () => {
    const head = await fetch(`${harness.url}/healthz`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const options = await fetch(`${harness.url}/v1/recommendations`, { method: "OPTIONS" });
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    const patch = await fetch(`${harness.url}/v1/recommendations`, { method: "PATCH", body: "no JSON" });
    expect(patch.status).toBe(405);
    expect(patch.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    expect(await patch.json()).toMatchObject({ error: { code: "method_not_allowed" } });
  });
});
