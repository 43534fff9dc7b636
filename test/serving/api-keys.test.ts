import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestApiKey } from "../../src/serving/index.ts";
import { type Harness, startServer } from "./harness.ts";

const apiKeys = [
  { name: "page", sha256: digestApiKey("reader"), scopes: ["read"] },
  { name: "collector", sha256: digestApiKey("writer"), scopes: ["write"] },
  { name: "admin", sha256: digestApiKey("both").toUpperCase(), scopes: ["read", "write"] },
] as const;

let url: string;
let harness: Harness;

beforeAll(async () => {
  harness = await startServer({ apiKeys });
  url = harness.url;
});
afterAll(() => harness.close());

const READ = "/v1/recommendations?user=u1";

async function statusOf(url: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  const answer = await fetch(url, { method, headers });
  await answer.arrayBuffer();
  return answer.status;
}

describe("API keys", () => {
  it("leaves the health routes open and closes every other route", async () => {
    expect(await statusOf(`${url}/healthz`, {})).toBe(200);
    expect(await statusOf(`${url}/readyz`, {})).toBe(200);
    for (const path of [
      "/",
      READ,
      "/metrics",
      "/openapi.json",
      "/v1/items/v1/similar",
      "/v1/users/u/state",
    ]) {
      expect(await statusOf(url + path, {}), path).toBe(401);
      expect(await statusOf(url + path, {}, "HEAD"), path).toBe(401);
    }
  });

  it("takes the key as bearer token or as x-api-key, in any case of the scheme", async () => {
    expect(await statusOf(url + READ, { authorization: "Bearer reader" })).toBe(200);
    expect(await statusOf(url + READ, { authorization: "bearer  reader" })).toBe(200);
    expect(await statusOf(url + READ, { "x-api-key": "reader" })).toBe(200);
    expect(await statusOf(url + READ, { "x-api-key": "both" })).toBe(200);
  });

  it.each([
    { authorization: "Bearer wrong" },
    { authorization: "Bearer " },
    { authorization: "Bearer reader writer" },
    { authorization: "Basic cmVhZGVyOg==" },
    { authorization: "reader" },
    { "x-api-key": "" },
    { "x-api-key": "READER" },
    { "x-api-key": digestApiKey("reader") },
    { "x-api-key": "x".repeat(5000) },
  ])("refuses %j", async (headers) => {
    const answer = await fetch(url + READ, { headers: headers as Record<string, string> });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    const text = await answer.text();
    expect(text).toContain('"code":"unauthorized"');
    expect(text).not.toContain("reader");
  });

  it("keeps reading and writing apart, and says which scope is missing before it reads the body", async () => {
    const write = async (key: string) => {
      const headers = { "x-api-key": key, "content-type": "application/json" };
      return fetch(`${url}/v1/events`, { method: "POST", headers, body: "{" });
    };
    const refused = await write("reader");
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { code: "forbidden", message: expect.stringContaining('"write"') },
    });
    expect((await write("writer")).status).toBe(400);
    expect((await write("both")).status).toBe(400);
    expect(await statusOf(url + READ, { "x-api-key": "writer" })).toBe(403);
    expect(await statusOf(`${url}/v1/users/u1`, { "x-api-key": "reader" }, "DELETE")).toBe(403);
    expect(await statusOf(`${url}/v1/items/v1`, { "x-api-key": "reader" }, "DELETE")).toBe(403);
  });

  it.each([
    [{ name: "a", sha256: "the key itself", scopes: ["read"] as const }, "64 hex digits"],
    [{ name: "a", sha256: digestApiKey("a"), scopes: [] }, "read, write or admin"],
  ])("refuses a key at start that could never match", async (key, message) => {
    await expect(startServer({ apiKeys: [key] })).rejects.toMatchObject({
      code: "invalid_config",
      message: expect.stringContaining(message),
    });
  });
});
