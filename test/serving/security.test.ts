/** One test for each of the OWASP API Security Top 10 (2023); docs/security.md says what is done about it. */
import { readFileSync } from "node:fs";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestApiKey } from "../../src/serving/index.ts";
import { fill, type Harness, startServer } from "./harness.ts";

const keys = { reader: "key-of-a-reader", writer: "key-of-a-writer", admin: "key-of-an-admin" };
const apiKeys = [
  { name: "reader", sha256: digestApiKey(keys.reader), scopes: ["read"] },
  { name: "writer", sha256: digestApiKey(keys.writer), scopes: ["write"] },
  { name: "admin", sha256: digestApiKey(keys.admin), scopes: ["admin"] },
] as const;
const SECRET = "secret-person-4711";

let open: Harness;
let closed: Harness;
beforeAll(async () => {
  open = await startServer();
  await fill(open);
  closed = await startServer({ apiKeys });
});
afterAll(async () => {
  await open.close();
  await closed.close();
});

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

async function ask({ url }: Harness, path: string, { method = "GET", body, key, headers = {} }: Asked = {}) {
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "x-api-key": key }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Every route that the description has, with the scope that its documentation names. */
async function routes() {
  const { text } = await ask(open, "/openapi.json");
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { security?: unknown }>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      path: path.replace("{id}", "x"),
      method: method.toUpperCase(),
      needsKey: security !== undefined,
    })),
  );
}

describe("OWASP API Security Top 10", () => {
  it("API1: nothing about a user is told without a key, and an id is never quoted", async () => {
    for (const path of [`/v1/users/${SECRET}/state`, `/v1/recommendations?user=${SECRET}`, "/v1/users"]) {
      const { status, text } = await ask(closed, path);
      expect([path, status]).toEqual([path, 401]);
      expect(text).not.toContain(SECRET);
    }
    const wrong = await ask(open, `/v1/recommendations?user=${SECRET}&limit=x`);
    expect(wrong.text).not.toContain(SECRET);
  });

  it("API2: a wrong key, a digest in place of the key and a key in the query are all the same refusal", async () => {
    const path = "/v1/recommendations?user=u";
    const wrong = await ask(closed, path, { key: "wrong" });
    const digest = await ask(closed, path, { key: digestApiKey(keys.reader) });
    const withoutId = (text: string) => text.replace(/"request":"[^"]*"/, "");
    expect(withoutId(digest.text)).toBe(withoutId(wrong.text));
    expect(wrong.status).toBe(401);
    expect((await ask(closed, `${path}&key=${keys.reader}`)).status).toBe(401);
    expect((await ask(closed, path, { key: keys.reader })).status).toBe(200);
  });

  it("API3: properties that no schema has are taken by no route and told by none", async () => {
    for (const key of ["isAdmin", "acceptedAt", "pressure", "log2"]) {
      const { status, text } = await ask(open, "/v1/recommendations", {
        method: "POST",
        body: { user: "u1", [key]: true },
      });
      expect([key, status]).toEqual([key, 400]);
      expect(text).toContain("unknown key");
    }
    const put = { method: "PUT", body: { plan: "gold-plan" } };
    expect((await ask(open, "/v1/users/u1", put)).status).toBe(200);
    for (const path of ["/v1/users/u1/state", "/v1/recommendations?user=u1&explain=true&log=false"]) {
      expect((await ask(open, path)).text).not.toContain("gold-plan");
    }
  });

  it("API4: the biggest list, text and number that fit into a body are refused by their size", async () => {
    const post = async (body: unknown) => ask(open, "/v1/recommendations", { method: "POST", body });
    const started = performance.now();
    const list = await post({ user: "u", exclude: Array.from({ length: 200_000 }, () => "v") });
    const text = await post({ user: "x".repeat(900_000) });
    const more = await post({ user: "x".repeat(1_100_000) });
    expect([list.status, text.status, more.status]).toEqual([400, 400, 413]);
    for (const { text: said } of [list, text]) expect(said.length).toBeLessThan(1_000);
    expect((await ask(open, "/v1/recommendations?user=u&limit=501")).status).toBe(400);
    expect((await ask(open, "/v1/recommendations?user=u&budgetMs=60001")).status).toBe(400);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("API5: every route needs exactly the scope that it documents, and promotion and rollback need admin", async () => {
    const allowed: Record<string, readonly string[]> = {};
    for (const { path, method, needsKey } of await routes()) {
      // Not the stream, which ends by itself after a while only.
      if (path === "/v1/live") continue;
      const body = method === "POST" || method === "PUT" ? {} : undefined;
      const with_ = async (key?: string) => {
        const asked = { method, ...(body && { body }), ...(key !== undefined && { key }) };
        return (await ask(closed, path, asked)).status;
      };
      const route = `${method} ${path}`;
      const without = await with_();
      expect([route, without === 401]).toEqual([route, needsKey]);
      if (!needsKey) continue;
      const names: string[] = [];
      for (const [name, key] of Object.entries(keys))
        if (![401, 403].includes(await with_(key))) names.push(name);
      allowed[route] = names;
      expect([route, names.length]).toEqual([route, 1]);
    }
    expect(allowed["POST /v1/releases/x/promotion"]).toEqual(["admin"]);
    expect(allowed["POST /v1/releases/x/rollback"]).toEqual(["admin"]);
    expect(allowed["DELETE /v1/users/x"]).toEqual(["writer"]);
    expect(allowed["GET /metrics"]).toEqual(["reader"]);
    expect(allowed["POST /v1/recommendations"]).toEqual(["reader"]);
  });

  it("API6: an event that is sent again counts once, in one request and over several", async () => {
    const event = { id: "once", user: "u5", item: "v1", type: "like" };
    const twice = await ask(open, "/v1/events", { method: "POST", body: [event, event] });
    expect(JSON.parse(twice.text)).toMatchObject({ accepted: 1, duplicates: 1 });
    const again = await ask(open, "/v1/events", { method: "POST", body: event });
    expect(JSON.parse(again.text)).toMatchObject({ accepted: 0, duplicates: 1 });
    expect((await ask(closed, "/v1/events", { method: "POST", body: event, key: keys.reader })).status).toBe(
      403,
    );
  });

  it("API7: no parameter of any route is an address", async () => {
    const { text } = await ask(open, "/openapi.json");
    expect(text).not.toMatch(/"format":"ur[il]"|"name":"(url|uri|callback|webhook|host|redirect)"/);
  });

  it("API8: no stack, path, version or software is told, and what is told can be neither stored, framed nor run", async () => {
    for (const path of [
      "/v1/recommendations?user=u1&log=false",
      "/nowhere",
      "/v1/items/%zz/similar",
      "/healthz",
    ]) {
      const { headers, text } = await ask(open, path, { headers: { origin: "https://elsewhere.example" } });
      expect(text, path).not.toMatch(/\bat .+:\d+:\d+|node_modules|\/src\/|\.ts\b/);
      expect(headers.get("cache-control"), path).toBe("no-store");
      expect(headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(headers.get("content-security-policy"), path).toBe("default-src 'none'; frame-ancestors 'none'");
      for (const name of ["server", "x-powered-by", "access-control-allow-origin"]) {
        expect(headers.get(name), `${path} ${name}`).toBeNull();
      }
    }
    const page = await ask(open, "/console");
    // Where the console was not built, there is no page to load anything.
    if (page.status === 200) {
      const policy = page.headers.get("content-security-policy");
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("connect-src 'self'");
      expect(policy).not.toMatch(/unsafe|\*|http/);
    }
  });

  it("API9: a route outside of /v1 is one of operations, and nothing answers beside what is described", async () => {
    const outside = (await routes()).map(({ path }) => path).filter((path) => !path.startsWith("/v1/"));
    expect([...new Set(outside)].sort()).toEqual(["/", "/healthz", "/metrics", "/readyz"]);
    for (const path of [
      "/v2/recommendations?user=u",
      "/v1",
      "/admin",
      "/debug",
      "/.env",
      "/v1/../metrics/x",
    ]) {
      expect([path, (await ask(open, path)).status]).toEqual([path, 404]);
    }
  });

  it("API10: what a broken store gives becomes an answer that says so, and nothing of it gets out", async () => {
    const logger = pino({ level: "silent" });
    const broken = await startServer({ logger }, () => ({
      state: async () => {
        throw new Error(`WRONGTYPE ${SECRET} redis://user:password@store:6379`);
      },
    }));
    const { status, text } = await ask(broken, "/v1/users/u1/state");
    expect(status).toBe(500);
    expect(text).not.toMatch(/WRONGTYPE|redis|password/);
    await broken.close();
  });

  it("has a row in docs/security.md for each test, and a test for each row", () => {
    const page = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
    const own = readFileSync(new URL(import.meta.url), "utf8");
    for (let i = 1; i <= 10; i++) {
      expect(page).toContain(`| API${i} `);
      expect(own).toContain(`it("API${i}: `);
    }
  });
});
