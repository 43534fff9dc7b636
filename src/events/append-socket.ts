/**
 * How other processes on the machine append to a log that has one writer: they send their events to it over a local
 * socket, and it answers when the events are durable.
 *
 * A message is a length (u32), a number that the answer repeats (u32), and JSON: the events on the way there,
 * `{ result }` or `{ error: { code, message } }` on the way back. Many may be under way at once.
 */
import { createHash } from "node:crypto";
import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ERRORS, type ErrorCode, UpnextError } from "../core/index.ts";
import type { Event } from "./event.ts";
import type { AppendResult } from "./event-log.ts";

const HEADER = 8;
/** More than the largest batch of the HTTP border. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** Of `sun_path` on Linux, 108 bytes with its end; macOS has 104. */
const MAX_PATH = 100;
/** A writer that says nothing for so long is taken as gone (guess: a hundred slow syncs). */
const ANSWER_MS = 5_000;

/** @typeParam R what the writer's append resolves with: both ends are this program */
type Append<R extends AppendResult> = (events: readonly Event[]) => Promise<R>;

/** Where the writer of the log in `directory` listens: the same for everyone who names the directory. */
export function appendSocketOf(directory: string): string {
  const path = join(resolve(directory), "writer.sock");
  const name = `upnext-${createHash("sha256").update(path).digest("hex").slice(0, 24)}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\${name}`;
  return Buffer.byteLength(path) <= MAX_PATH ? path : join(tmpdir(), `${name}.sock`);
}

export interface AppendServer {
  /** Takes no more; appends under way are answered. */
  close(): Promise<void>;
}

/** Listens for other processes' events. The caller holds the writer's lock, so what lies at the path is abandoned. */
export async function serveAppends(directory: string, append: Append<AppendResult>): Promise<AppendServer> {
  const path = appendSocketOf(directory);
  const sockets = new Set<Socket>();
  const pending = new Set<Promise<void>>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // The other side has gone; what it sent is appended all the same, and known by its ids when it is sent again.
    socket.on("error", () => socket.destroy());
    receive(socket, (number, body) => {
      const done = answer(append, body).then((text) => {
        if (socket.writable) send(socket, number, text);
        pending.delete(done);
      });
      pending.add(done);
    });
  });
  if (process.platform !== "win32") await rm(path, { force: true });
  await listen(server, path);
  // Whoever may write the directory may append, nobody else.
  if (process.platform !== "win32") await chmod(path, 0o600);
  server.unref();
  return {
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      await Promise.all(pending);
      for (const socket of sockets) socket.end();
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 100).unref();
      await closed;
    },
  };
}

export interface AppendClient<R extends AppendResult = AppendResult> {
  /** Rejects with the writer's error, and with `log_unavailable` where no writer answers. */
  append: Append<R>;
  close(): Promise<void>;
}

/** Connects when the first events come, and again when the writer was started anew. Nothing waits for a writer to come. */
export function connectAppends<R extends AppendResult = AppendResult>(directory: string): AppendClient<R> {
  let link: Promise<Link<R>> | undefined;
  let closed = false;
  return {
    async append(events) {
      if (closed) throw new UpnextError("log_closed", `${directory}: this log was closed. Open it again.`);
      link ??= openLink(directory, () => {
        link = undefined;
      });
      return (await link).ask(events);
    },
    async close() {
      closed = true;
      (await link?.catch(() => undefined))?.close();
    },
  };
}

interface Link<R> {
  ask(events: readonly Event[]): Promise<R>;
  close(): void;
}

interface Waiting<R> {
  readonly resolve: (result: R) => void;
  readonly reject: (error: UpnextError) => void;
  readonly timer: NodeJS.Timeout;
}

async function openLink<R>(directory: string, onGone: () => void): Promise<Link<R>> {
  const socket = connect(appendSocketOf(directory));
  const waiting = new Map<number, Waiting<R>>();
  let next = 0;
  const gone = (what: string) => {
    onGone();
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer);
      reject(noWriter(directory, what));
    }
    waiting.clear();
  };
  try {
    await new Promise<void>((done, failed) => {
      socket.once("connect", done);
      socket.once("error", failed);
    });
  } catch (cause) {
    onGone();
    throw noWriter(directory, "it cannot be reached", cause);
  }
  socket.on("error", () => socket.destroy());
  socket.on("close", () => gone("it went away before it answered"));
  socket.unref();
  receive(socket, (number, body) => {
    const asked = waiting.get(number);
    if (asked === undefined) return;
    waiting.delete(number);
    clearTimeout(asked.timer);
    const { result, error } = JSON.parse(body.toString()) as Answer<R>;
    if (result !== undefined) asked.resolve(result);
    else asked.reject(new UpnextError(codeOf(error?.code), error?.message ?? "log: the writer failed"));
  });
  return {
    ask: (events) =>
      new Promise((resolve, reject) => {
        const number = next++ % 2 ** 32;
        const timer = setTimeout(() => {
          waiting.delete(number);
          reject(noWriter(directory, `it has not answered for ${ANSWER_MS / 1000} s`));
        }, ANSWER_MS);
        waiting.set(number, { resolve, reject, timer });
        send(socket, number, JSON.stringify(events));
      }),
    close: () => socket.end(),
  };
}

interface Answer<R> {
  readonly result?: R;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Both ends are this program, but perhaps not of one version. */
function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && code in ERRORS ? (code as ErrorCode) : "internal"; // looked up
}

async function answer(append: Append<AppendResult>, body: Buffer): Promise<string> {
  try {
    const events = JSON.parse(body.toString()) as readonly Event[]; // the other end has parsed them at its border
    const result = await append(events);
    return JSON.stringify({ result });
  } catch (cause) {
    const { code, message } =
      cause instanceof UpnextError ? cause : { code: "internal", message: "log: the writer failed" };
    return JSON.stringify({ error: { code, message } });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(path, () => {
      server.off("error", failed);
      done();
    });
  });
}

function send(socket: Socket, number: number, text: string): void {
  const body = Buffer.from(text);
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32LE(body.length, 0);
  header.writeUInt32LE(number, 4);
  socket.cork();
  socket.write(header);
  socket.write(body);
  socket.uncork();
}

/** Calls back with each whole message; ends a connection whose messages are none. */
function receive(socket: Socket, onMessage: (number: number, body: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let held = 0;
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    if (held < HEADER) return;
    if (chunks[0]!.length >= HEADER) {
      const length = chunks[0]!.readUInt32LE(0);
      if (length > MAX_MESSAGE) return void socket.destroy();
      // Joined only when the message is whole: a large one comes in many chunks.
      if (held < HEADER + length) return;
    }
    let bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    while (bytes.length >= HEADER) {
      const length = bytes.readUInt32LE(0);
      if (bytes.length < HEADER + length) break;
      onMessage(bytes.readUInt32LE(4), bytes.subarray(HEADER, HEADER + length));
      bytes = bytes.subarray(HEADER + length);
    }
    chunks = bytes.length === 0 ? [] : [bytes];
    held = bytes.length;
  });
}

function noWriter(directory: string, what: string, cause?: unknown): UpnextError {
  const message = `${directory}: expected the log's writer to take the events, but ${what}. Start it, then send them again: those that got there are recognised by their id.`;
  return new UpnextError("log_unavailable", message, { cause });
}
