/**
 * Requests at random moments that do not wait for each other: latency counts from the moment at which a request was
 * to be sent, so a server that stands still cannot hide it.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/core/index.ts";

export interface Reply {
  /** Milliseconds of the load's own time: when it was to be sent, and when the whole answer was there. */
  readonly planned: number;
  readonly done: number;
  /** 0 where there was none. */
  readonly status: number;
  readonly body: unknown;
}

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  /** Called when the answer is there. */
  heard(reply: Reply): void;
}

/** Longer than any promise here: what takes so long was not answered. */
const PATIENCE_MS = 10_000;

export class OpenLoad {
  private readonly url: string;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly began = performance.now();
  private readonly underWay = new Set<Promise<void>>();
  private stopped = false;

  constructor(url: string) {
    this.url = url;
  }

  /** Milliseconds since it began. */
  now(): number {
    return performance.now() - this.began;
  }

  /** Sends what `make` makes, `rate` times a second on average, until `stop`. */
  async run(rate: number, random: Random, make: () => Ask): Promise<void> {
    let planned = this.now();
    while (!this.stopped) {
      planned += (-Math.log(1 - random.next()) * 1000) / rate;
      const wait = planned - this.now();
      if (wait > 0) await sleep(wait);
      if (this.stopped) return;
      this.begin(make(), planned);
    }
  }

  /** Sends something at once, as what follows from an answer. */
  also(ask: Ask): void {
    if (!this.stopped) this.begin(ask, this.now());
  }

  /** No more requests; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.underWay);
    this.agent.destroy();
  }

  private begin(ask: Ask, planned: number): void {
    const sent = this.send(ask, planned).finally(() => this.underWay.delete(sent));
    this.underWay.add(sent);
  }

  private async send({ method, path, body, heard }: Ask, planned: number): Promise<void> {
    const { status, text } = await this.exchange(method, path, body).catch(() => ({
      status: 0,
      text: "null",
    }));
    heard({ planned, done: this.now(), status, body: JSON.parse(text) });
  }

  private exchange(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const sent = request(`${this.url}${path}`, { method, agent: this.agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error("no answer")));
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
