/** The console's page and files, as HTTP. The views are tested in test/console. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestApiKey } from "../../src/serving/api-keys.ts";
import { ensureConsole } from "../console/demo.ts";
import { type Harness, startServer } from "./harness.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
/** Of script over the wire: what a phone loads before it shows anything. */
const MOST_SCRIPT = 150 * 1024;

let harness: Harness;
beforeAll(async () => {
  ensureConsole();
  harness = await startServer({
    apiKeys: [
      { name: "test", sha256: digestApiKey("a-key-of-the-test"), scopes: ["read", "write", "admin"] },
    ],
  });
});
afterAll(() => harness.close());

const get = (path: string, headers: Record<string, string> = {}) => fetch(harness.url + path, { headers });

describe("the console over HTTP", () => {
  it("is what a browser gets at /, without a key; everything else gets the index, with one", async () => {
    const page = await get("/", BROWSER);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("vary")).toContain("accept");
    expect((await get("/", { accept: "*/*" })).status).toBe(401);
    const index = await get("/", { authorization: "Bearer a-key-of-the-test" });
    expect(await index.json()).toMatchObject({ name: "upnext" });
  });

  it("answers every deep link with the page, and a missing file with 404", async () => {
    for (const path of [
      "/console",
      "/console/",
      "/console/feed?user=u1",
      "/console/why?user=%F0%9F%8E%AC&item=v1",
    ]) {
      expect((await get(path, BROWSER)).status, path).toBe(200);
    }
    const missing = await get("/console/assets/index-gone.js");
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
    expect((await get("/console/..%2F..%2Fpackage.json", BROWSER)).headers.get("content-type")).toContain(
      "html",
    );
  });

  it("forbids the page everything from elsewhere, and scripts within it", async () => {
    const page = await get("/console/feed", BROWSER);
    const policy = page.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(await page.text()).not.toMatch(/<script(?![^>]*\ssrc=)|https?:\/\/(?!www\.w3\.org)/);
  });

  it("lets files be kept for ever, the page be asked for again, and answers 304 to who has it", async () => {
    const page = await get("/console/feed", BROWSER);
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/console/feed", { ...BROWSER, "if-none-match": page.headers.get("etag")! });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const [script] = scriptsIn(await page.text());
    const file = await get(script!);
    expect(file.headers.get("cache-control")).toContain("immutable");
    expect(file.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });

  it("needs at most 150 KB of script over the wire", async () => {
    const scripts = scriptsIn(await (await get("/console/feed", BROWSER)).text());
    expect(scripts.length).toBeGreaterThan(0);
    let bytes = 0;
    for (const script of scripts) {
      const { headers } = await harness.server.inject({
        url: script,
        headers: { "accept-encoding": "gzip" },
      });
      expect(headers["content-encoding"]).toBe("gzip");
      bytes += Number(headers["content-length"]);
    }
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(MOST_SCRIPT);
  });
});

function scriptsIn(page: string): readonly string[] {
  return [...page.matchAll(/(?:src|href)="([^"]+\.js)"/g)].map(([, path]) => path!);
}
