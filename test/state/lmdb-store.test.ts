/** What is LMDB's alone: the file between two starts, between two processes, after kill -9, and when it is damaged. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { open as openLmdb } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryStore, openLmdbStore, type StateStore, stateDigest } from "../../src/state/index.ts";
import { at, erasure, interaction, logged, model, touch, user } from "./touches.ts";

const limits = { touches: 8, vetoes: 2 };
const u1 = user("u1");

let folder: string;
let opened = 0;
const newPath = () => join(folder, String(opened++));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "upnext-lmdb-"));
});
afterAll(() => rm(folder, { recursive: true }));

const put = (store: StateStore, ...touches: Parameters<typeof interaction>[1][]) =>
  store.write([{ user: u1, touches }]);

describe("the LMDB store between starts", () => {
  it("has states, erasures and the applied offset after it is opened again", async () => {
    const path = newPath();
    const first = await openLmdbStore({ path }, { limits });
    await first.apply(
      logged([interaction("u1", touch("a", 5)), erasure("u1", 2), interaction("u2", touch("b", 1))]),
    );
    const digest = await stateDigest(first);
    await first.close();
    const second = await openLmdbStore({ path }, { limits });
    expect(second.applied).toBe(3);
    expect(await stateDigest(second)).toBe(digest);
    await second.close();
  });

  it("cuts states to lower limits, and refuses to go back to higher ones than it has kept", async () => {
    const path = newPath();
    const first = await openLmdbStore({ path }, { limits });
    await put(first, ...[1, 2, 3, 4].map((time) => touch(`e${time}`, time)));
    await first.close();
    const lower = { touches: 2, vetoes: 2 };
    const second = await openLmdbStore({ path }, { limits: lower });
    expect((await second.read(u1)).touches.map((one) => one.id)).toEqual(["e4", "e3"]);
    await put(second, touch("e5", 5));
    expect((await second.read(u1)).touches.map((one) => one.id)).toEqual(["e5", "e4"]);
    await second.close();
    await expect(openLmdbStore({ path }, { limits })).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(/keeps 2 touches and 2 vetoes.* 8 and 2 are wanted; delete the folder/),
    });
  });
});

describe("the LMDB store between processes", () => {
  /** A process that runs `body` with an open `store`, and touches by `touch(i)` for user u1. */
  function writer(path: string, body: string): ChildProcess {
    const state = JSON.stringify(resolve("src/state/index.ts"));
    const script = `
      import { createJiti } from "jiti";
      const { openLmdbStore } = await createJiti(${JSON.stringify(resolve("x"))}).import(${state});
      const store = await openLmdbStore({ path: ${JSON.stringify(path)} }, { limits: { touches: 1000, vetoes: 1 } });
      const touch = (i) => ({ id: "e" + i, item: "v" + i, type: "watch", value: NaN, time: i });
      ${body}`;
    return spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  it("loses nothing when two processes write to one user at once", async () => {
    const path = newPath();
    const store = await openLmdbStore({ path }, { limits: { touches: 1000, vetoes: 1 } });
    const other = writer(
      path,
      `console.log("ready");
       for (let i = 0; i < 200; i += 2) await store.write([{ user: "u1", touches: [touch(i)] }]);
       await store.close();`,
    );
    await once(other.stdout!, "data");
    const ended = once(other, "exit");
    for (let i = 1; i < 200; i += 2) await put(store, touch(`e${i}`, i, { item: `v${i}` }));
    expect(await ended).toEqual([0, null]);
    const all = Array.from({ length: 200 }, (_, i) => touch(`e${i}`, i, { item: `v${i}` }));
    expect(await store.read(u1)).toEqual(model("u1", all, [], store.limits));
    await store.close();
  });

  it("stands at one moment of the log after kill -9 where its sweeps are of one slice, and catches up from there", async () => {
    const path = newPath();
    const count = 1_000_000;
    const child = writer(
      path,
      `const event = (i) => ({ ...touch(i), value: undefined, kind: "interaction", user: "u" + (i % 7) });
       for (let i = 0; i < ${count}; i += 3) {
         await store.apply([0, 1, 2].map((j) => ({ offset: i + j, event: event(i + j) })));
         if (i % 3000 === 0) console.log(store.applied);
       }`,
    );
    const ended = once(child, "exit");
    let said = 0;
    for await (const chunk of child.stdout!) {
      said = Number(String(chunk).trim().split("\n").at(-1));
      if (said > 600_000) break; // more than the store holds back
    }
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);

    const store = await openLmdbStore({ path }, { limits: { touches: 1000, vetoes: 1 } });
    const log = logged(
      Array.from({ length: store.applied + 50 }, (_, i) =>
        interaction(`u${i % 7}`, touch(`e${i}`, i, { item: `v${i}` })),
      ),
    );
    const rebuilt = memoryStore({ limits: store.limits });
    expect(store.applied).toBeGreaterThan(0);
    expect(store.applied).toBeLessThan(count);
    await rebuilt.apply(log.slice(0, store.applied));
    expect(await stateDigest(store)).toBe(await stateDigest(rebuilt));
    await store.apply(log.slice(store.applied));
    await rebuilt.apply(log);
    expect(await stateDigest(store)).toBe(await stateDigest(rebuilt));
    await store.close();
  });

  it("catches up after kill -9 in the middle of a sweep, when some states are ahead of the others", async () => {
    const path = newPath();
    const count = 200_000;
    const child = writer(
      path,
      `const event = (i) => ({ ...touch(i), value: undefined, kind: "interaction", user: "u" + (i % 3000) });
       for (let i = 0; i < ${count}; i += 100) {
         await store.apply(Array.from({ length: 100 }, (_, j) => ({ offset: i + j, event: event(i + j) })));
         await new Promise((done) => setTimeout(done, 2));
         if (i % 1000 === 0) console.log(i);
       }`,
    );
    const ended = once(child, "exit");
    for await (const chunk of child.stdout!) {
      if (Number(String(chunk).trim().split("\n").at(-1)) > 40_000) break;
    }
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);

    const store = await openLmdbStore({ path }, { limits: { touches: 1000, vetoes: 1 } });
    const log = logged(
      Array.from({ length: count }, (_, i) =>
        interaction(`u${i % 3000}`, touch(`e${i}`, i, { item: `v${i}` })),
      ),
    );
    const rebuilt = memoryStore({ limits: store.limits });
    expect(store.applied).toBeLessThan(count);
    await store.apply(log.slice(store.applied));
    await rebuilt.apply(log);
    expect(await stateDigest(store)).toBe(await stateDigest(rebuilt));
    await store.close();
  });
});

describe("the LMDB store on a full disk", () => {
  it("rejects what it cannot write, still shows what was applied, and keeps one moment of the log", async () => {
    const path = newPath();
    const state = JSON.stringify(resolve("src/state/index.ts"));
    const script = `
      import { createJiti } from "jiti";
      const { openLmdbStore } = await createJiti(${JSON.stringify(resolve("x"))}).import(${state});
      process.on("SIGXFSZ", () => {}); // a write beyond the limit then fails, as on a full disk
      const store = await openLmdbStore({ path: ${JSON.stringify(path)} }, { limits: { touches: 1000, vetoes: 1 } });
      const touch = (i) => ({ id: "e" + i, item: "v" + i, type: "watch", value: NaN, time: i });
      const event = (i) => ({ ...touch(i), value: undefined, kind: "interaction", user: "u" + (i % 7) });
      let next = 0;
      let rejected;
      while (rejected === undefined) {
        const batch = Array.from({ length: 100 }, () => ({ offset: next, event: event(next++) }));
        await store.apply(batch).catch((error) => { rejected = error.code; });
        await store.users().next().catch(() => {}); // waits until it is written, or not
      }
      const { touches } = await store.read("u" + ((next - 1) % 7));
      await store.close().catch(() => {}); // there may be free pages for what is left
      console.log(JSON.stringify([rejected, touches[0].id === "e" + (next - 1)]));`;
    const child = spawn(
      "sh",
      ["-c", 'ulimit -f 400; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", script],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const ended = once(child, "exit");
    let said = "";
    for await (const chunk of child.stdout!) said += chunk;
    expect(await ended).toEqual([0, null]);
    expect(JSON.parse(said)).toEqual(["store_unavailable", true]);

    const store = await openLmdbStore({ path }, { limits: { touches: 1000, vetoes: 1 } });
    const rebuilt = memoryStore({ limits: store.limits });
    expect(store.applied).toBeGreaterThan(0);
    await rebuilt.apply(
      logged(
        Array.from({ length: store.applied }, (_, i) =>
          interaction(`u${i % 7}`, touch(`e${i}`, i, { item: `v${i}` })),
        ),
      ),
    );
    expect(await stateDigest(store)).toBe(await stateDigest(rebuilt));
    await store.close();
  });
});

describe("the LMDB store on a file that is not its own", () => {
  const refused = (path: string, message: RegExp) =>
    expect(openLmdbStore({ path }, { limits })).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(message),
    });
  async function folderWith(bytes: Uint8Array): Promise<string> {
    const path = newPath();
    await mkdir(path);
    await writeFile(join(path, "data.mdb"), bytes);
    return path;
  }

  it("refuses garbage with the cure, whatever its length", async () => {
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7919) & 0xff));
    for (const bytes of [Buffer.from("x"), Buffer.alloc(151), Buffer.alloc(8192), noise]) {
      await refused(await folderWith(bytes), /not an LMDB file of this version; delete the folder/);
    }
  });

  it("takes an empty file for a new one", async () => {
    const store = await openLmdbStore({ path: await folderWith(Buffer.alloc(0)) }, { limits });
    expect(store.applied).toBe(0);
    await store.close();
  });

  it("refuses a file in the place of its folder", async () => {
    const path = newPath();
    await writeFile(path, "text");
    await refused(path, /expected a folder and found a file/);
  });

  it("refuses another program's LMDB file and another version of its own", async () => {
    for (const [key, value, message] of [
      ["\u0001mine", "yours", /another program/],
      [
        "\u0000format",
        "upnext-state/99 8 2",
        /expected the format upnext-state\/1, came upnext-state\/99; delete/,
      ],
    ] as const) {
      const path = newPath();
      const db = openLmdb<Buffer, Buffer>({
        path,
        noSubdir: false,
        encoding: "binary",
        keyEncoding: "binary",
      });
      await db.put(Buffer.from(key), Buffer.from(value));
      await db.close();
      await refused(path, message);
    }
  });

  it("fails a call, not the process, where the file was cut off or overwritten with zeros", async () => {
    const path = newPath();
    const whole = await openLmdbStore({ path }, { limits });
    const touches = Array.from({ length: 8 }, (_, i) => touch(`e${i}`.repeat(60), i));
    await whole.write(Array.from({ length: 300 }, (_, i) => ({ user: user(`u${i}`), touches })));
    await whole.close();
    const bytes = await readFile(join(path, "data.mdb"));
    for (const kept of [8192, bytes.length >> 1]) {
      for (const cut of [true, false]) {
        const copy = newPath();
        await cp(path, copy, { recursive: true });
        if (cut) await truncate(join(copy, "data.mdb"), kept);
        else await writeFile(join(copy, "data.mdb"), Buffer.from(bytes).fill(0, kept));
        await expect(useAll(copy)).rejects.toMatchObject({ code: "store_unavailable" });
      }
    }
  });

  it("refuses a state of another version without naming the user", async () => {
    const path = newPath();
    const db = openLmdb<Buffer, Buffer>({ path, noSubdir: false, encoding: "binary", keyEncoding: "binary" });
    await (await openLmdbStore({ path }, { limits })).close();
    await db.put(Buffer.from("\u0001secret"), Buffer.alloc(40, 9));
    const store = await openLmdbStore({ path }, { limits });
    await expect(store.read(user("secret"))).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(/^(?!.*secret).*version 1 of a state, came 9.*delete the folder/),
    });
    await expect(store.erase(user("secret"), at(1))).rejects.toMatchObject({ code: "store_unavailable" });
    await put(store, touch("a", 1));
    expect((await store.read(u1)).touches).toHaveLength(1);
    await store.close();
    await db.close();
  });

  /** Reads everything; the first failure is thrown, and the store closed. */
  async function useAll(path: string): Promise<void> {
    const store = await openLmdbStore({ path }, { limits });
    try {
      for (let i = 0; i < 300; i++) await store.read(user(`u${i}`));
      await stateDigest(store);
    } finally {
      await store.close();
    }
  }
});
