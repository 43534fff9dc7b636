/**
 * DynamoDB for tests: dynalite within the test's process, in memory, on a free port of the loopback. It knows requests,
 * conditions, pages and prices as DynamoDB does; it has no expiry, no transactions, and is never too busy.
 */
import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import dynalite from "dynalite";
import { setupDynamoDb } from "../../src/state/index.ts";
import type { DynamoDbPlace } from "../../src/state/state-place.ts";

// The SDK finds them in its environment; the server takes any.
process.env["AWS_ACCESS_KEY_ID"] ??= "test";
process.env["AWS_SECRET_ACCESS_KEY"] ??= "test";
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

/** Answers a request in the server's place, or leaves it to the server by returning false. */
export type Fault = (operation: string, request: IncomingMessage, response: ServerResponse) => boolean;

export async function dynamoDbServer(): Promise<DynamoDbServer> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new DynamoDbServer(server);
}

export class DynamoDbServer {
  /** The operation of each request since the server was started or the list was emptied. */
  readonly requests: string[] = [];
  fault: Fault | undefined;
  private readonly server: Server;
  private tables = 0;

  constructor(server: Server) {
    this.server = server;
    const [answer] = server.listeners("request") as RequestListener[]; // dynalite's own, the only one
    server.removeAllListeners("request");
    server.on("request", (request, response) => {
      const operation = String(request.headers["x-amz-target"]).replace(/^.*\./, "");
      this.requests.push(operation);
      if (this.fault?.(operation, request, response) !== true) answer!(request, response);
    });
  }

  get endpoint(): string {
    const { port } = this.server.address() as AddressInfo; // of a TCP server that listens
    return `http://127.0.0.1:${port}`;
  }

  /** A place whose table does not exist yet. */
  newPlace(): DynamoDbPlace & { readonly table: string } {
    const { endpoint } = this;
    return { store: "dynamodb", table: `upnext-state-${this.tables++}`, region: "us-east-1", endpoint };
  }

  async newTable(): Promise<DynamoDbPlace & { readonly table: string }> {
    const place = this.newPlace();
    await setupDynamoDb(place);
    return place;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
