/** A listening server on a free port, over an instance in a fresh directory, and the ways to talk to it. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/index.ts";
import { createMetrics, type Metrics } from "../../src/monitoring/index.ts";
import type { Recommender } from "../../src/pipeline/recommender.ts";
import { createServer, type Server, type ServerParts, type ServerSettings } from "../../src/serving/index.ts";
import { open, type Upnext } from "../../src/upnext.ts";

export interface Harness {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  /** What the server was made of, for another one beside it. */
  readonly parts: ServerParts;
  readonly upnext: Upnext;
  readonly directory: string;
  readonly observed: { route: string; method: string; status: number }[];
  /** Events in the log. */
  end(): Promise<number>;
  close(): Promise<void>;
}

/** `changed` replaces methods of the recommender that the server sees: to be slow, or to fail. */
export async function startServer(
  settings: Partial<ServerSettings> = {},
  changed: (upnext: Upnext) => Partial<Recommender> = () => ({}),
): Promise<Harness> {
  const directory = await mkdtemp(join(tmpdir(), "upnext-serving-"));
  const counted = createMetrics();
  const observed: Harness["observed"] = [];
  const metrics: Metrics = {
    ...counted,
    observeRequest(route, method, status, seconds) {
      observed.push({ route, method, status });
      counted.observeRequest(route, method, status, seconds);
    },
  };
  const upnext = await open({ directory, metrics, config: { state: { store: "memory" } } });
  const recommender: Recommender = Object.assign(Object.create(upnext), changed(upnext));
  // No test is to fail because a slow machine counts as overloaded; those about that say what the budget is.
  const patient = { port: 0, budgetMs: 60_000, ...settings };
  const parts = { recommender, metrics, clock: systemClock, settings: patient };
  async function release(): Promise<void> {
    await upnext.close();
    counted.close();
    await rm(directory, { recursive: true });
  }
  const server = await createServer(parts).catch(async (error) => {
    await release();
    throw error;
  });
  const { url } = await server.listen();
  return {
    url,
    port: Number(new URL(url).port),
    server,
    parts,
    upnext,
    directory,
    observed,
    end: async () => (await upnext.status()).log.end,
    async close() {
      await server.close();
      await release();
    },
  };
}

/** Items v1 (music) and v2 (craft and music), and u1 who watched v1. */
export async function fill({ url }: { readonly url: string }): Promise<void> {
  const events = [
    { kind: "item", id: "i1", item: "v1", facts: { title: "One", categories: ["music"], creator: "c1" } },
    {
      kind: "item",
      id: "i2",
      item: "v2",
      facts: { title: "Two", categories: ["craft", "music"], duration: 60.5 },
    },
    { kind: "interaction", id: "e1", user: "u1", item: "v1", type: "watch", value: 0.9 },
  ];
  const answer = await postJson(`${url}/v1/events`, { events });
  if (answer.status !== 200) throw new Error(`could not fill: ${await answer.text()}`);
}

export function postJson(url: string, body: unknown, method = "POST"): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(url, { method, headers, body: JSON.stringify(body) });
}

/** Writes bytes onto a fresh connection and reads until the other side closes it. */
export function rawExchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

/** Status and error code of a raw answer. */
export function parseRaw(answer: string): { status: number; code: string | undefined } {
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
  return { status, code: /"code":"(\w+)"/.exec(body)?.[1] };
}
