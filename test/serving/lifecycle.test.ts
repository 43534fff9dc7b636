import { once } from "node:events";
import { connect } from "node:net";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { UpnextError } from "../../src/core/index.ts";
import { createServer } from "../../src/serving/index.ts";
import { open } from "../../src/upnext.ts";
import { parseRaw, postJson, rawExchange, startServer } from "./harness.ts";

/** A recommender whose `state` answers only when told to. */
async function startGated(drainTimeout = 10_000) {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let entered = (): void => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const harness = await startServer({ drainTimeout }, (upnext) => ({
    async state(user) {
      entered();
      await gate;
      return upnext.state(user);
    },
  }));
  return { ...harness, open, inside };
}

describe("closing", () => {
  it("answers the request under way, closes its connection, and only then resolves", async () => {
    const gated = await startGated();
    const answer = fetch(`${gated.url}/v1/users/u1/state`);
    await gated.inside;
    let closed = false;
    const closing = gated.server.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).toBe(false);
    await expect(fetch(`${gated.url}/healthz`)).rejects.toThrow();
    gated.open();
    expect((await answer).status).toBe(200);
    expect((await answer).headers.get("connection")).toBe("close");
    await closing;
    await gated.close();
  });

  it("serves what comes on a connection that is busy, and is not ready any more", async () => {
    const gated = await startGated();
    const socket = connect(gated.port, "127.0.0.1");
    await once(socket, "connect");
    socket.setEncoding("utf8");
    let received = "";
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    const end = once(socket, "close");
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
    socket.write(get("/v1/users/u1/state"));
    await gated.inside;
    const closing = gated.server.close();
    socket.write(get("/readyz"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    gated.open();
    await end;
    await closing;
    await gated.close();
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received.toLowerCase()).toContain("connection: close");
  });

  it("cuts connections that are still busy when the time to drain is over", async () => {
    const gated = await startGated(50);
    const answer = fetch(`${gated.url}/v1/users/u1/state`).then(
      () => "answered",
      () => "cut",
    );
    await gated.inside;
    await gated.server.close();
    expect(await answer).toBe("cut");
    gated.open();
    await gated.close();
  });

  it("is not ready at once, and goes on serving new connections for as long as `lameduck` says", async () => {
    const harness = await startServer({ lameduck: 300 });
    const closing = harness.server.close();
    const ready = await fetch(`${harness.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("The server is closing.");
    expect((await fetch(`${harness.url}/v1/recommendations?user=u1`)).status).toBe(200);
    await closing;
    await expect(fetch(`${harness.url}/healthz`)).rejects.toThrow();
    await harness.close();
  });

  it("loses nothing that was acknowledged when it comes in the middle of a load", async () => {
    const harness = await startServer({ lameduck: 50 });
    const acknowledged: string[] = [];
    let over = false;
    async function client(name: number): Promise<void> {
      for (let i = 0; !over; i++) {
        const ids = [0, 1, 2].map((n) => `e-${name}-${i}-${n}`);
        const events = ids.map((id) => ({ id, user: `u${name}`, item: `v${i % 7}`, type: "view" }));
        try {
          const answer = await postJson(`${harness.url}/v1/events`, { events });
          if (answer.status === 200) acknowledged.push(...ids);
          else expect(answer.status).toBe(503);
          await answer.arrayBuffer();
        } catch {
          return;
        }
      }
    }
    const clients = Array.from({ length: 8 }, (_, name) => client(name));
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(60);
    await harness.server.close();
    await harness.upnext.close();
    over = true;
    await Promise.all(clients);
    const again = await open({ directory: harness.directory, readOnly: true });
    const known = new Set<string>();
    for (let user = 0; user < 8; user++) {
      for (const { id } of (await again.state(`u${user}`)).touches) known.add(id);
    }
    const { log } = await again.status();
    await again.close();
    expect(log.end).toBeGreaterThanOrEqual(acknowledged.length);
    // A state holds the newest ones, which are those that a hasty end would lose.
    const newest = acknowledged.slice(-100);
    expect(newest.filter((id) => !known.has(id))).toEqual([]);
    await harness.close();
  });

  it("does not wait for idle connections", async () => {
    const { url, close } = await startServer();
    await (await fetch(`${url}/healthz`)).text();
    const start = performance.now();
    await close();
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("may be closed twice, and before it ever listened", async () => {
    const harness = await startServer();
    await Promise.all([harness.server.close(), harness.server.close()]);
    await harness.server.close();
    const unlistened = await createServer(harness.parts);
    await unlistened.close();
    await harness.close();
  });
});

describe("listening", () => {
  it("says which address is taken", async () => {
    const first = await startServer();
    const second = await createServer({ ...first.parts, settings: { port: first.port } });
    await expect(second.listen()).rejects.toMatchObject({
      code: "invalid_config",
      message: `127.0.0.1:${first.port}: expected an address to listen on, got EADDRINUSE. Set another port or host.`,
    });
    await second.close();
    await first.close();
  });

  it("gives an address that can be opened where it listens on all of them", async () => {
    const { url, close } = await startServer({ host: "0.0.0.0" });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await close();
  });

  it("answers without a socket, too", async () => {
    const { server, close } = await startServer();
    expect((await server.inject({ url: "/healthz" })).json()).toEqual({ status: "ok" });
    await close();
  });
});

describe("slow and broken clients", () => {
  it("ends a request whose headers never end, by the code request_timeout", async () => {
    const { port, url, close } = await startServer({ headersTimeout: 100, requestTimeout: 200 });
    const raw = await rawExchange(port, "GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: ");
    expect(parseRaw(raw)).toEqual({ status: 408, code: "request_timeout" });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await close();
  });

  it("ends a request whose body never ends", async () => {
    const { port, url, close } = await startServer({ headersTimeout: 100, requestTimeout: 200 });
    const head =
      "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[";
    expect(parseRaw(await rawExchange(port, head))).toEqual({ status: 408, code: "request_timeout" });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await close();
  });

  it("survives clients that go away in the middle of a request and of an answer, without a line in the log", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
    const { port, url, close } = await startServer({ logger });
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      const cut = i % 2 === 0 ? "content-length: 100\r\n\r\n{" : "\r\n";
      socket.write(
        `POST /v1/recommendations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${cut}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
      socket.destroy();
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(lines).toEqual([]);
    await close();
  });

  it("ignores an expectation that it does not know", async () => {
    const { port, close } = await startServer();
    const raw = await rawExchange(
      port,
      "GET /healthz HTTP/1.1\r\nhost: a\r\nexpect: 200-maybe\r\nconnection: close\r\n\r\n",
    );
    expect(parseRaw(raw).status).toBe(200);
    await close();
  });
});

describe("the log", () => {
  it("has a line a request at info, with the route's pattern and no id of a user", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const { url, close } = await startServer({ logger }, () => ({
      async similar() {
        throw new UpnextError("unknown_item", "item: not known.");
      },
    }));
    await (await fetch(`${url}/v1/users/secret-4711/state`)).text();
    await (await fetch(`${url}/v1/recommendations?user=secret-4711`)).text();
    await (await fetch(`${url}/v1/items/secret-4711/similar`)).text();
    await close();
    expect(lines.join()).not.toContain("secret-4711");
    const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "request");
    expect(requests).toMatchObject([
      { method: "GET", route: "/v1/users/:id/state", status: 200 },
      { method: "GET", route: "/v1/recommendations", status: 200 },
      { method: "GET", route: "/v1/items/:id/similar", status: 404 },
    ]);
  });
});
