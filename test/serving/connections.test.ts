import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { MOST_SILENT } from "../../src/serving/connections.ts";
import { fill, type Harness, parseRaw, startServer } from "./harness.ts";

let harness: Harness;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await harness.close();
});

/** A connection, and everything that came on it. */
async function dial(): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect(harness.port, "127.0.0.1");
  sockets.push(socket);
  let received = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    received += chunk;
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { socket, received: () => received, closed };
}

const GET = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

describe("many connections", () => {
  it("are served beside hundreds of senders who never end their headers, however few may be open", async () => {
    harness = await startServer({ maxConnections: 50 });
    const slow = await Promise.all(Array.from({ length: 300 }, () => dial()));
    for (const { socket } of slow) socket.write("GET /healthz HTTP/1.1\r\nx-slow: ");
    const started = performance.now();
    for (let i = 0; i < 20; i++) {
      const answer = await fetch(`${harness.url}/healthz`, { headers: { connection: "close" } });
      expect(answer.status).toBe(200);
    }
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await (await fetch(`${harness.url}/metrics`)).text()).toContain(
      'upnext_connections_cut_total{reason="too_many"}',
    );
  });

  it("lose those first that have asked nothing, and keep those that have", async () => {
    harness = await startServer({ maxConnections: 4 });
    const known = await dial();
    known.socket.write(GET);
    await expect.poll(known.received).toContain('{"status":"ok"}');
    const silent = await Promise.all(Array.from({ length: 3 }, () => dial()));
    const next = await dial();
    await silent[0]!.closed;
    next.socket.write(GET);
    await expect.poll(next.received).toContain('{"status":"ok"}');
    known.socket.write(GET);
    await expect.poll(() => known.received().split('{"status":"ok"}').length).toBe(3);
  });
});

describe("connections that ask nothing", () => {
  it("are cut after a second but for a few, and those that ask are kept", async () => {
    harness = await startServer();
    const known = await dial();
    known.socket.write(GET);
    await expect.poll(known.received).toContain('{"status":"ok"}');
    const silent = await Promise.all(Array.from({ length: MOST_SILENT + 40 }, () => dial()));
    for (const { socket } of silent) socket.write("GET /healthz HTTP/1.1\r\nx-slow: ");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const open = () => silent.filter(({ socket }) => socket.readyState === "open").length;
    expect(open()).toBe(silent.length);
    await expect.poll(open, { timeout: 5_000 }).toBe(MOST_SILENT);
    const { socket, received } = silent.at(-1)!;
    socket.write("\r\nhost: a\r\n\r\n");
    await expect.poll(received).toContain('{"status":"ok"}');
    known.socket.write(GET);
    await expect.poll(() => known.received().split('{"status":"ok"}').length).toBe(3);
  });
});

describe("requests under way on one connection", () => {
  it("have a number; the one beyond it is refused, and the connection closed after its turn", async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    harness = await startServer({ maxPipelined: 3 }, (upnext) => ({
      async state(user) {
        await gate;
        return upnext.state(user);
      },
    }));
    const { socket, received, closed } = await dial();
    socket.write("GET /v1/users/u1/state HTTP/1.1\r\nhost: a\r\n\r\n".repeat(4));
    await new Promise((resolve) => setTimeout(resolve, 50));
    open();
    await closed;
    const answers = received().split(/(?=HTTP\/1\.1 )/);
    expect(answers.map((answer) => parseRaw(answer).status)).toEqual([200, 200, 200, 503]);
    expect(parseRaw(answers[3]!).code).toBe("overloaded");
    expect(answers[3]!.toLowerCase()).toContain("retry-after: 1");
  });
});

describe("a client that does not read its answers", () => {
  it("is cut after a while, and the others are answered meanwhile", async () => {
    harness = await startServer({ sendTimeout: 500, maxPipelined: 1_000 });
    await fill(harness);
    const { socket } = await dial();
    socket.pause();
    // More than the kernel's buffers take: each answer is some 60 KB.
    for (let i = 0; i < 400; i++) socket.write("GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n");
    await expect.poll(cut, { timeout: 10_000, interval: 200 }).toBe(true);
    expect((await fetch(`${harness.url}/healthz`)).status).toBe(200);
  });
});

async function cut(): Promise<boolean> {
  const metrics = await (await fetch(`${harness.url}/metrics`)).text();
  return metrics.includes('upnext_connections_cut_total{reason="unread"} 1');
}
