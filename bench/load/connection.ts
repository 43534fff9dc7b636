/**
 * One kept HTTP/1.1 connection with one request under way at a time, as cheap as Node allows: whole requests as bytes
 * that were made before, answers read into one buffer that all connections share, no headers parsed but those that say
 * where an answer ends.
 *
 * It understands what this project's servers send: `content-length` or no body at all.
 */
import { connect, type Socket } from "node:net";

/** What ended a request without an answer. */
export type Failure = "refused" | "reset" | "no room" | "malformed" | "timeout" | "other";

/** Told of the end of each request that was sent, once. */
export interface Listener {
  /** `body` is valid during the call alone. */
  answered(connection: Connection, status: number, body: Buffer): void;
  failed(connection: Connection, failure: Failure): void;
  /** It takes no more requests. */
  closed(connection: Connection): void;
}

const HEAD_END = "\r\n\r\n";
const LENGTH = "\r\ncontent-length:";
/** Of an answer; a recommendation has some kilobytes. */
const MOST = 4 * 1024 * 1024;

/** Reads of all connections come one after the other, so one buffer holds them. */
const shared = Buffer.allocUnsafe(64 * 1024);

export class Connection {
  /** The listener's own: what it has to know of the request under way. */
  planned = 0;
  traffic = 0;
  number = 0;
  private readonly socket: Socket;
  private readonly listener: Listener;
  private busy = false;
  private open = true;
  /** Of an answer that has not come whole. */
  private held: Buffer | undefined;

  constructor(host: string, port: number, listener: Listener) {
    this.listener = listener;
    this.socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (count) => {
          this.read(count);
          return true;
        },
      },
    });
    this.socket.on("error", (error) => this.end(failureOf(error)));
    this.socket.on("close", () => this.end("reset"));
  }

  /** Whether it can take a request. */
  get free(): boolean {
    return this.open && !this.busy;
  }

  send(bytes: Buffer): void {
    this.busy = true;
    this.socket.write(bytes);
  }

  /** Ends it; a request under way fails with `failure`. */
  end(failure: Failure): void {
    if (!this.open) return;
    this.close();
    if (!this.busy) return;
    this.busy = false;
    this.listener.failed(this, failure);
  }

  private read(count: number): void {
    let bytes: Buffer = shared.subarray(0, count);
    if (this.held !== undefined) bytes = Buffer.concat([this.held, bytes]);
    const headEnd = bytes.indexOf(HEAD_END);
    const head = headEnd < 0 ? "" : bytes.toString("latin1", 0, headEnd).toLowerCase();
    const end = headEnd + HEAD_END.length + lengthIn(head);
    const status = Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
    if (headEnd < 0 || bytes.length < end) {
      this.held = this.held === undefined ? Buffer.from(bytes) : bytes;
      if (bytes.length > MOST) this.end("malformed");
    } else if (!this.busy || bytes.length > end || !(status >= 200)) {
      this.end("malformed");
    } else {
      this.held = undefined;
      this.busy = false;
      if (head.includes("\r\nconnection: close")) this.close();
      this.listener.answered(this, status, bytes.subarray(headEnd + HEAD_END.length, end));
    }
  }

  private close(): void {
    this.open = false;
    this.socket.destroy();
    this.listener.closed(this);
  }
}

/** The body's length that the lower-case headers tell; 0 where they tell none. */
function lengthIn(head: string): number {
  const at = head.indexOf(LENGTH);
  return at < 0 ? 0 : Number.parseInt(head.slice(at + LENGTH.length, at + LENGTH.length + 16), 10);
}

function failureOf(error: Error): Failure {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ECONNREFUSED":
      return "refused";
    case "ECONNRESET":
    case "EPIPE":
      return "reset";
    case "EMFILE":
    case "EADDRNOTAVAIL":
      return "no room";
    default:
      return "other";
  }
}
