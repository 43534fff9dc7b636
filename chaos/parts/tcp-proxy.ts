/** A TCP proxy that a test can make slow, make drip, stop and cut: the network between a process and its store. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

type Way =
  /** Both ways, so many milliseconds each. */
  | { readonly how: "forward"; readonly delayMs: number }
  /** To the client, one byte after the other. */
  | { readonly how: "drip"; readonly byteMs: number }
  /** Connections stay, and nothing goes through. */
  | { readonly how: "hold" }
  /** No connection, and none to be had. */
  | { readonly how: "cut" };

const HOLD_LOOK_MS = 2;

export class TcpProxy {
  readonly port: number;
  private readonly server: Server;
  private readonly target: number;
  private readonly sockets = new Set<Socket>();
  private way: Way = { how: "forward", delayMs: 0 };

  /** Listens on a free port of the loopback, in front of `target`. */
  static async before(target: number): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, target);
  }

  private constructor(server: Server, target: number) {
    this.server = server;
    this.target = target;
    this.port = (server.address() as { port: number }).port; // of a TCP server that listens
    server.on("connection", (client) => this.accept(client));
  }

  forward(delayMs = 0): void {
    this.way = { how: "forward", delayMs };
  }

  drip(byteMs: number): void {
    this.way = { how: "drip", byteMs };
  }

  hold(): void {
    this.way = { how: "hold" };
  }

  cut(): void {
    this.way = { how: "cut" };
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }

  private accept(client: Socket): void {
    if (this.way.how === "cut") {
      client.on("error", () => {});
      client.destroy();
      return;
    }
    const store = connect(this.target, "127.0.0.1");
    for (const [socket, other] of [
      [client, store],
      [store, client],
    ] as const) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    this.pass(client, store, false);
    this.pass(store, client, true);
  }

  /** Everything from one socket to the other, in order, each piece when its way lets it. */
  private pass(from: Socket, to: Socket, answers: boolean): void {
    let last = Promise.resolve();
    from.on("data", (bytes: Buffer) => {
      const came = performance.now();
      last = last.then(() => this.deliver(bytes, came, to, answers));
    });
  }

  private async deliver(bytes: Buffer, came: number, to: Socket, answers: boolean): Promise<void> {
    let sent = 0;
    while (sent < bytes.length && !to.destroyed) {
      const { way } = this;
      if (way.how === "hold") await sleep(HOLD_LOOK_MS);
      else if (way.how === "drip" && answers) {
        to.write(bytes.subarray(sent, ++sent));
        await sleep(way.byteMs);
      } else {
        const wait = way.how === "forward" ? came + way.delayMs - performance.now() : 0;
        if (wait > 0) await sleep(wait);
        to.write(bytes.subarray(sent));
        sent = bytes.length;
      }
    }
  }
}
