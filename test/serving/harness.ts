/** A listening server on a free port, over a recommender with a few items in it, and the ways to talk to it. */
import { connect } from "node:net";
import { systemClock } from "../../src/core/index.ts";
import { createMetrics } from "../../src/monitoring/index.ts";
import {
  createServer,
  type Server,
  type ServerMetrics,
  type ServerSettings,
} from "../../src/serving/index.ts";
import { type PlainRecommender, plainRecommender } from "./plain-recommender.ts";

export interface Harness {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly recommender: PlainRecommender;
  readonly observed: { route: string; method: string; status: number }[];
  close(): Promise<void>;
}

export async function startServer(
  settings: Partial<ServerSettings> = {},
  change: (recommender: PlainRecommender) => PlainRecommender = (same) => same,
): Promise<Harness> {
  const recommender = change(plainRecommender(systemClock));
  const observed: Harness["observed"] = [];
  const counted = createMetrics();
  const metrics: ServerMetrics = {
    contentType: counted.contentType,
    observeRequest(route, method, status, seconds) {
      observed.push({ route, method, status });
      counted.observeRequest(route, method, status, seconds);
    },
    text: () => counted.text(),
  };
  const server = await createServer({
    recommender,
    metrics,
    clock: systemClock,
    settings: { port: 0, ...settings },
  });
  const { url } = await server.listen();
  return {
    url,
    port: Number(new URL(url).port),
    server,
    recommender,
    observed,
    async close() {
      await server.close();
      await recommender.close();
      counted.close();
    },
  };
}

/** Items v1 (music) and v2 (craft), and u1 who watched v1. */
export async function fill({ url }: { readonly url: string }): Promise<void> {
  const events = [
    { kind: "item", id: "i1", item: "v1", facts: { title: "One", categories: ["music"], creator: "c1" } },
    { kind: "item", id: "i2", item: "v2", facts: { title: "Two", categories: ["craft"], duration: 60.5 } },
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
