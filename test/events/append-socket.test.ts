import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Offset, UpnextError, type UserId } from "../../src/core/index.ts";
import {
  type AppendClient,
  type AppendServer,
  appendSocketOf,
  connectAppends,
  serveAppends,
  type WriterWork,
} from "../../src/events/append-socket.ts";
import { memoryLog } from "../../src/events/index.ts";
import { interaction, readEvents } from "./make-events.ts";

let directory: string;
const open: (AppendClient | AppendServer)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-appends-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(directory, { recursive: true });
});

async function serving(
  append: WriterWork["append"] = memoryLog().append,
  forget: WriterWork["forget"] = () => Promise.reject(new Error("not asked for")),
): Promise<AppendServer> {
  const server = await serveAppends(directory, { append, forget });
  open.push(server);
  return server;
}

function client(): AppendClient {
  const made = connectAppends(directory);
  open.push(made);
  return made;
}

it("appends for other processes, many at once, each answered with its own result", async () => {
  const log = memoryLog();
  await serving((events) => log.append(events));
  const [one, other] = [client(), client()];
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      (i % 2 ? one : other).append([interaction(i), interaction(i), interaction(1000 + i)]),
    ),
  );
  expect(results.map(({ accepted, duplicates }) => [accepted, duplicates])).toEqual(
    results.map(() => [2, 1]),
  );
  expect(new Set(results.map(({ offset }) => offset)).size).toBe(200);
  const events = await readEvents(log);
  expect(events).toHaveLength(400);
  expect(events).toContainEqual(interaction(1199));
});

it("has the writer forget a user, and hands its receipt back", async () => {
  await serving(undefined, async (user) => ({ user, touches: 3 }));
  expect(await client().forget("u 7" as UserId)).toEqual({ user: "u 7", touches: 3 });
});

it("hands the writer's errors on, with their codes", async () => {
  await serving(() => Promise.reject(new UpnextError("log_busy", "log: too much")));
  await expect(client().append([])).rejects.toMatchObject({ code: "log_busy", message: "log: too much" });
});

it("says that there is no writer, and finds the one that comes later", async () => {
  const one = client();
  await expect(one.append([])).rejects.toMatchObject({ code: "log_unavailable" });
  const first = await serving();
  await one.append([]);
  await first.close();
  await expect(one.append([interaction(1)])).rejects.toMatchObject({ code: "log_unavailable" });
  const log = memoryLog();
  await serving((events) => log.append(events));
  expect(await one.append([interaction(1)])).toEqual({ offset: 1, accepted: 1, duplicates: 0 });
});

it("rejects what was under way when the writer dies", async () => {
  const dying = createServer((socket) => socket.on("data", () => socket.destroy()));
  await new Promise<void>((done) => dying.listen(appendSocketOf(directory), done));
  await expect(client().append([interaction(1)])).rejects.toMatchObject({ code: "log_unavailable" });
  await new Promise((done) => dying.close(done));
});

it("takes over a socket that a killed writer has left, and lets nobody else use it", async () => {
  if (process.platform === "win32") return;
  await writeFile(appendSocketOf(directory), "left");
  await serving();
  expect((await stat(appendSocketOf(directory))).mode & 0o777).toBe(0o600);
  expect(await client().append([interaction(1)])).toMatchObject({ offset: 1 as Offset });
});

it("works in a directory whose path is too long for a socket", async () => {
  directory = join(directory, "d".repeat(120));
  await mkdir(directory);
  await serving();
  expect(await client().append([interaction(1)])).toMatchObject({ accepted: 1 });
  directory = join(directory, "..");
});

it("carries a message of megabytes", async () => {
  const log = memoryLog();
  await serving((events) => log.append(events));
  const events = Array.from({ length: 10_000 }, (_, i) => interaction(i));
  expect(await client().append(events)).toMatchObject({ accepted: 10_000 });
});

it("ends a connection that sends anything else, and goes on", async () => {
  await serving();
  const socket = connect(appendSocketOf(directory));
  socket.on("error", () => {});
  const ended = new Promise<void>((done) => socket.on("close", () => done()));
  socket.write(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), randomBytes(1000)]));
  await ended;
  expect(await client().append([interaction(1)])).toMatchObject({ accepted: 1 });
});
