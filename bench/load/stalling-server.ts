/** A server that stands still now and then, in a process of its own: what a load generator must not hide. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveParent } from "../state/child.ts";

export interface Stall {
  /** Milliseconds that it stands still, and from one time to the next; never where `forMs` is 0. */
  readonly forMs: number;
  readonly everyMs: number;
  /** What it answers. */
  readonly body: string;
}

/** The process: a message starts the server, the answer tells its port. */
export function serve(): void {
  serveParent(async ({ forMs, everyMs, body }: Stall) => {
    const bytes = Buffer.from(body);
    const headers = { "content-type": "application/json; charset=utf-8", "content-length": bytes.length };
    const server = createServer((_request, response) => {
      response.writeHead(200, headers).end(bytes);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    if (forMs > 0) {
      setInterval(() => {
        for (const until = performance.now() + forMs; performance.now() < until; );
      }, everyMs);
    }
    return { port: (server.address() as AddressInfo).port, pid: process.pid };
  });
}
