/**
 * How other processes on the machine append to a log that has one writer: they send their events to it over a local
 * socket, and it answers when the events are durable. In the same way they have it forget a user.
 *
 * A message is a length (u32), a number that the answer repeats (u32), and JSON: a list of events or `{ forget }` on
 * the way there, `{ result }` or `{ error: { code, message } }` on the way back. Many may be under way at once.
 */
import { createHash } from "node:crypto";
import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ERRORS, type ErrorCode, UpnextError, type UserId } from "../core/index.ts";
import type { Event } from "./event.ts";
import type { AppendResult } from "./event-log.ts";

const HEADER = 8;
/** More than the largest batch of the HTTP border. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** Of `sun_path` on Linux, 108 bytes with its end; macOS has 104. */
const MAX_PATH = 100;
/** A writer that says nothing for so long is taken as gone (guess: a hundred slow syncs). */
const ANSWER_MS = 5_000;
/** Files are written anew where a user is forgotten (guess: some gigabytes of log). */
const FORGET_MS = 300_000;

/** What the writer does for others: append, and forget a user. @typeParam R, F what it resolves with there */
export interface WriterWork<R extends AppendResult = AppendResult, F = unknown> {
  append(events: readonly Event[]): Promise<R>;
  forget(user: UserId): Promise<F>;
}

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
export async function serveAppends(directory: string, work: WriterWork): Promise<AppendServer> {
  const path = appendSocketOf(directory);
  const sockets = new Set<Socket>();
  const pending = new Set<Promise<void>>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // The other side has gone; what it sent is appended all the same, and known by its ids when it is sent again.
    socket.on("error", () => socket.destroy());
    receive(socket, (number, body) => {
      const done = answer(work, body).then((text) => {
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

/** Rejects with the writer's error, and with `log_unavailable` where no writer answers. */
export interface AppendClient<R extends AppendResult = AppendResult, F = unknown> extends WriterWork<R, F> {
  close(): Promise<void>;
}

/** Connects when the first events come, and again when the writer was started anew. Nothing waits for a writer to come. */
export function connectAppends<R extends AppendResult = AppendResult, F = unknown>(
  directory: string,
): AppendClient<R, F> {
  let link: Promise<Link> | undefined;
  let closed = false;
  async function ask(what: unknown, patience: number): Promise<unknown> {
    if (closed) throw new UpnextError("log_closed", `${directory}: this log was closed. Open it again.`);
    link ??= openLink(directory, () => {
      link = undefined;
    });
    return (await link).ask(what, patience);
  }
  return {
    // Both ends are this program: what comes back is what the writer's own call resolved with.
    append: (events) => ask(events, ANSWER_MS) as Promise<R>,
    forget: (user) => ask({ forget: user }, FORGET_MS) as Promise<F>,
    async close() {
      closed = true;
      (await link?.catch(() => undefined))?.close();
    },
  };
}

interface Link {
  /** Waits for the answer for `patience` milliseconds. */
  ask(what: unknown, patience: number): Promise<unknown>;
  close(): void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: UpnextError) => void;
  readonly timer: NodeJS.Timeout;
}

async function openLink(directory: string, onGone: () => void): Promise<Link> {
  const socket = connect(appendSocketOf(directory));
  const waiting = new Map<number, Waiting>();
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
    const { result, error } = JSON.parse(body.toString()) as Answer;
    if (result !== undefined) asked.resolve(result);
    else asked.reject(new UpnextError(codeOf(error?.code), error?.message ?? "log: the writer failed"));
  });
  return {
    ask: (what, patience) =>
      new Promise((resolve, reject) => {
        const number = next++ % 2 ** 32;
        const timer = setTimeout(() => {
          waiting.delete(number);
          reject(noWriter(directory, `it has not answered for ${patience / 1000} s`));
        }, patience);
        waiting.set(number, { resolve, reject, timer });
        send(socket, number, JSON.stringify(what));
      }),
    close: () => socket.end(),
  };
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Both ends are this program, but perhaps not of one version. */
function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && code in ERRORS ? (code as ErrorCode) : "internal"; // looked up
}

async function answer(work: WriterWork, body: Buffer): Promise<string> {
  try {
    // The other end has parsed them at its border.
    const asked = JSON.parse(body.toString()) as readonly Event[] | { readonly forget: UserId };
    const result = await ("forget" in asked ? work.forget(asked.forget) : work.append(asked));
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
