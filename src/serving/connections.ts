/**
 * Connections have a number, and each of them a number of requests under way.
 *
 * When there are too many, the one goes that has shown the least: first those that never asked anything completely,
 * oldest first, which is what a thousand slow senders are; then those that are idle. Of those that never asked anything
 * only few are kept for longer than a moment: thousands that leave at once would stop the event loop, for 45 µs each.
 * A client that does not take its answers is cut after a while: what it does not read is kept in memory.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock, Ms } from "../core/index.ts";

/** Between two looks at who does not read, and who says nothing. */
const LOOK_EVERY_MS = 250;
/** Connections that may have asked nothing completely for SILENT_MS, and how many more of them are cut at a look. */
export const MOST_SILENT = 256;
const SILENT_MS = 1_000;
const CUT_AT_A_LOOK = 256;
/** Connections that are looked at for one to close: more would cost every newcomer much. */
const LOOKED_AT = 256;

interface ConnectionLimits {
  readonly maxConnections: number;
  /** Requests under way on one connection, which are then answered in their order (pipelining). */
  readonly maxPipelined: number;
  /** Milliseconds that an answer may wait for its reader. */
  readonly sendTimeout: number;
}

interface Connection {
  readonly openedAt: Ms;
  /** Requests under way, the newest of them last. */
  underWay: number;
  newest: IncomingMessage | undefined;
  /** Since when bytes have waited without a break; undefined where none wait. */
  unreadSince: Ms | undefined;
}

type CutReason = "too_many" | "silent" | "unread";

export class Connections {
  private readonly limits: ConnectionLimits;
  private readonly clock: Clock;
  private readonly metrics: { countCut(reason: CutReason): void };
  /** Those that have not asked anything completely, and the others; oldest first. */
  private readonly silent = new Map<Socket, Connection>();
  private readonly known = new Map<Socket, Connection>();
  /** Those with requests under way. */
  private readonly busy = new Map<Socket, Connection>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    server: Server,
    limits: ConnectionLimits,
    clock: Clock,
    metrics: { countCut(reason: CutReason): void },
  ) {
    this.limits = limits;
    this.clock = clock;
    this.metrics = metrics;
    server.on("connection", (socket: Socket) => this.opened(socket));
    this.timer = setInterval(() => {
      this.cutUnread();
      this.cutSilent();
    }, LOOK_EVERY_MS);
    this.timer.unref();
  }

  get open(): number {
    return this.silent.size + this.known.size;
  }

  /** A request's headers have come. False where its connection has too many under way. */
  begin(request: IncomingMessage): boolean {
    const connection = this.of(request.socket);
    // A request without a socket of this server, as tests make them.
    if (connection === undefined) return true;
    connection.underWay++;
    connection.newest = request;
    this.busy.set(request.socket, connection);
    return connection.underWay <= this.limits.maxPipelined;
  }

  /** Its answer is out. */
  end(request: IncomingMessage): void {
    const { socket } = request;
    const connection = this.of(socket);
    if (connection === undefined) return;
    if (this.silent.delete(socket)) this.known.set(socket, connection);
    connection.underWay--;
    if (connection.underWay > 0) return;
    connection.newest = undefined;
    connection.unreadSince = undefined;
    this.busy.delete(socket);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private of(socket: Socket): Connection | undefined {
    return this.known.get(socket) ?? this.silent.get(socket);
  }

  private opened(socket: Socket): void {
    if (this.open >= this.limits.maxConnections) {
      this.metrics.countCut("too_many");
      const other = firstIdle(this.silent) ?? firstIdle(this.known);
      if (other === undefined) {
        socket.destroy();
        return;
      }
      this.forget(other);
      other.destroy();
    }
    const openedAt = this.clock.monotonic();
    this.silent.set(socket, { openedAt, underWay: 0, newest: undefined, unreadSince: undefined });
    socket.once("close", () => this.forget(socket));
  }

  private forget(socket: Socket): void {
    this.silent.delete(socket);
    this.known.delete(socket);
    this.busy.delete(socket);
  }

  private cutSilent(): void {
    const before = this.clock.monotonic() - SILENT_MS;
    let more = Math.min(CUT_AT_A_LOOK, this.silent.size - MOST_SILENT);
    for (const [socket, connection] of this.silent) {
      if (more <= 0 || connection.openedAt > before) return;
      if (!isIdle(connection)) continue;
      more--;
      this.metrics.countCut("silent");
      this.forget(socket);
      socket.destroy();
    }
  }

  private cutUnread(): void {
    const now = this.clock.monotonic();
    for (const [socket, connection] of this.busy) {
      if (socket.writableLength === 0) connection.unreadSince = undefined;
      else if (connection.unreadSince === undefined) connection.unreadSince = now;
      else if (now - connection.unreadSince >= this.limits.sendTimeout) {
        this.metrics.countCut("unread");
        socket.destroy();
      }
    }
  }
}

/** Whether nobody waits for it: without a request, or with one that has not come completely. */
function isIdle({ newest }: Connection): boolean {
  return newest === undefined || !newest.complete;
}

/** The oldest one that nobody waits for. */
function firstIdle(connections: ReadonlyMap<Socket, Connection>): Socket | undefined {
  let looked = 0;
  for (const [socket, connection] of connections) {
    if (isIdle(connection)) return socket;
    if (++looked === LOOKED_AT) return undefined;
  }
  return undefined;
}
