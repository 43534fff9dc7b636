/** The load generator against servers of which it is known what a client has to wait. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closedLoop } from "../../bench/load/closed-loop.ts";
import { NUMBER } from "../../bench/load/generator.ts";
import { post } from "../../bench/load/requests.ts";
import { type LoadGenerator, loadOf, startBareServer, startGenerator } from "../../bench/load/start.ts";

let generator: LoadGenerator;
beforeAll(() => {
  generator = startGenerator();
});
afterAll(() => generator.close());

test("a stall that a closed loop does not see is in the generator's 99th percentile", async () => {
  const server = await startBareServer({ forMs: 250, everyMs: 2_500, body: "{}" });
  try {
    const [open, closed] = await Promise.all([
      generator.ask(loadOf(server.port, 200, 5.5)),
      closedLoop(server.port, 5.5, 2),
    ]);
    const { p99_ms, planned, answered, windows } = open.traffic["/"]!;
    expect(closed.p99_ms).toBeLessThan(60);
    expect(p99_ms).toBeGreaterThan(150);
    expect(answered).toBe(planned);
    expect(planned).toBeGreaterThan(900);
    expect(planned).toBeLessThan(1_300);
    expect(windows.reduce((sum, window) => sum + window.planned, 0)).toBe(planned);
  } finally {
    await server.close();
  }
});

describe("what is no answer", () => {
  let server: Server;
  let port: number;
  let turn = 0;
  const bodies: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        turn++;
        if (request.method === "POST") {
          bodies.push(body);
          response.end(body);
        } else if (turn % 4 === 0) response.writeHead(503, { "content-length": 0 }).end();
        else if (turn % 4 === 1) response.writeHead(500, { "content-length": 2 }).end("{}");
        else if (turn % 4 === 2) request.socket.destroy();
        else response.end(`{"rung":"${turn % 8 === 3 ? "full" : "popular"}"}`);
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("refusals, failures and lost connections are counted, and are the slowest of the distribution", async () => {
    const load = loadOf(port, 400, 1, { patience: 2_000 });
    const { planned, answered, full, rungs, rejected, failures, ...latency } = (await generator.ask(load))
      .traffic["/"]!;
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    expect(answered + rejected + failed).toBe(planned);
    expect(Object.keys(failures).sort()).toEqual(["reset", "status 500"]);
    expect(rungs).toEqual({ full, popular: answered - full });
    for (const count of [rejected, full, answered - full]) expect(count).toBeGreaterThan(0);
    expect(latency.p99_ms).toBeGreaterThan(1_990);
    expect(latency.rejected_p99_ms).toBeLessThan(1_000);
  });

  test("numbered requests tell which of them were acknowledged", async () => {
    const requests = [post("/", `{"id":"e${NUMBER}"}`)];
    const traffic = [{ name: "events", share: 1, requests, numbered: true }];
    const { acknowledged } = (await generator.ask(loadOf(port, 100, 0.5, { traffic }))).traffic["events"]!;
    const sent = bodies.map((body) => Number((JSON.parse(body) as { id: string }).id.slice(1)));
    expect(sent.length).toBeGreaterThan(20);
    expect(acknowledged.toSorted((a, b) => a - b)).toEqual(sent.toSorted((a, b) => a - b));
  });

  test("where nobody listens every request has failed", async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, "127.0.0.1", done));
    const free = (closed.address() as AddressInfo).port;
    await new Promise((done) => closed.close(done));
    const { planned, answered, failures } = (await generator.ask(loadOf(free, 100, 0.3))).traffic["/"]!;
    expect(planned).toBeGreaterThan(0);
    expect({ answered, failures }).toEqual({ answered: 0, failures: { refused: planned } });
  });
});

test("a server that never answers is given up after the patience", async () => {
  const server = createServer(() => {});
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const load = loadOf(port, 100, 0.3, { patience: 300 });
  const { planned, failures, p50_ms } = (await generator.ask(load)).traffic["/"]!;
  expect(failures).toEqual({ timeout: planned });
  expect(p50_ms).toBeGreaterThan(299);
  server.closeAllConnections();
  server.close();
});

test("one seed sends the same requests at the same moments", async () => {
  const seen: string[][] = [[], []];
  const server = createServer((request, response) => {
    seen[turn]!.push(request.url!);
    response.end();
  });
  let turn = 0;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const requests = ["/a", "/b", "/c"].map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  const load = loadOf(port, 100, 0.5, { traffic: [{ name: "three", share: 1, requests }] });
  for (turn = 0; turn < 2; turn++) await generator.ask(load);
  expect(seen[0]!.toSorted()).toEqual(seen[1]!.toSorted());
  expect(new Set(seen[0]).size).toBe(3);
  server.closeAllConnections();
  server.close();
});
