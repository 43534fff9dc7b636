import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BundleId,
  DAY,
  type EpochMs,
  ManualClock,
  type Offset,
  systemClock,
} from "../../src/core/index.ts";
import { openFileRegistry, type Registry } from "../../src/registry/index.ts";
import { bundleIdOf } from "../../src/registry/manifest.ts";

const about = {
  createdAt: 1_000 as EpochMs,
  logOffset: 42 as Offset,
  seed: 7,
  itemCount: 3,
  fingerprint: "f",
  config: { b: 1, a: [true, null] },
  metrics: { "ndcg@10": 0.14 },
};
const bytes = (text: string) => new TextEncoder().encode(text);
const files = { "a.bin": bytes("aaaa"), "deep/er/b.bin": bytes("bbbb"), empty: new Uint8Array(0) };

let root: string;
let directory: string;
let registry: Registry;
const open = () => openFileRegistry(directory, { clock: systemClock });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-registry-"));
  directory = join(root, "bundles");
  registry = await open();
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("publish", () => {
  it("makes a bundle that opens with the same manifest and bytes, in another instance too", async () => {
    const id = await registry.publish(about, files);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    const bundle = await (await open()).open(id);
    expect(bundle.id).toBe(id);
    expect(bundle.manifest).toMatchObject({ ...about, format: 1 });
    for (const [name, content] of Object.entries(files)) expect([...bundle.file(name)]).toEqual([...content]);
  });

  it("hands out bytes that a typed array of any width can lie over", async () => {
    const id = await registry.publish(about, { "x.f64": new Uint8Array(Float64Array.of(1.5, -2).buffer) });
    const content = (await registry.open(id)).file("x.f64");
    expect([...new Float64Array(content.buffer, content.byteOffset, 2)]).toEqual([1.5, -2]);
  });

  it("takes a bundle without files", async () => {
    const bundle = await registry.open(await registry.publish(about, {}));
    expect(() => bundle.file("weights")).toThrow(/expected a file "weights", got no files/);
  });

  it("names equal content equally, whatever the order of its keys, and leaves it alone the second time", async () => {
    const id = await registry.publish(about, files);
    const reversed = Object.fromEntries(Object.entries(about).reverse()) as typeof about;
    expect(await registry.publish({ ...reversed, config: { a: [true, null], b: 1 } }, files)).toBe(id);
    expect(await readdir(directory)).toEqual([id]);
  });

  it("names different content differently", async () => {
    const id = await registry.publish(about, files);
    expect(await registry.publish({ ...about, seed: 8 }, files)).not.toBe(id);
    expect(await registry.publish(about, { ...files, "a.bin": bytes("aaab") })).not.toBe(id);
  });

  it("may run many times at once with the same content", async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => registry.publish(about, files)));
    expect(new Set(ids).size).toBe(1);
    await registry.open(ids[0]!);
    expect(await readdir(directory)).toEqual([ids[0]]);
  });

  it("mends a bundle that was damaged", async () => {
    const id = await registry.publish(about, files);
    await rm(join(directory, id, "a.bin"));
    expect(await registry.publish(about, files)).toBe(id);
    await registry.open(id);
    expect(await readdir(directory)).toEqual([id]);
  });

  it.each([
    "../a",
    "a/../../b",
    "/etc/passwd",
    "a//b",
    "",
    ".",
    "a\\b",
    "a\0b",
    ".hidden",
    "a/",
    "manifest.json",
    "x".repeat(129),
  ])("refuses the file name %j and writes nothing", async (name) => {
    await expect(registry.publish(about, { [name]: bytes("x") })).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(await readdir(root)).toEqual(["bundles"]);
    expect(await readdir(directory)).toEqual([]);
  });

  it("refuses a name that is a file and a directory at once", async () => {
    await expect(registry.publish(about, { a: bytes("x"), "a/b": bytes("y") })).rejects.toThrow(
      /directory of "a\/b"/,
    );
  });

  it("refuses what JSON cannot hold, with its place", async () => {
    const metrics = { heads: [{ auc: Number.NaN }] };
    await expect(registry.publish({ ...about, metrics }, files)).rejects.toThrow(
      "manifest.metrics.heads[0].auc",
    );
  });
});

describe("open", () => {
  let id: BundleId;
  const at = (name: string) => join(directory, id, name);
  beforeEach(async () => {
    id = await registry.publish(about, files);
  });

  async function flip(name: string, position: number): Promise<void> {
    const content = await readFile(at(name));
    content[position]! ^= 1;
    await writeFile(at(name), content);
  }

  async function refusal(): Promise<{ code: string; message: string }> {
    return registry.open(id).then(
      () => ({ code: "none", message: "it opened" }),
      ({ code, message }) => ({ code, message }),
    );
  }

  it("refuses a flipped bit in any file, naming the file and both hashes", async () => {
    for (const name of ["a.bin", "deep/er/b.bin"]) {
      await flip(name, 3);
      const { code, message } = await refusal();
      expect(code).toBe("bundle_corrupt");
      expect(message).toMatch(
        new RegExp(`bundle ${id}: file "${name}" expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64};`),
      );
      await flip(name, 3);
    }
    await registry.open(id);
  });

  it("refuses any flipped byte of the manifest", async () => {
    const { length } = await readFile(at("manifest.json"));
    for (let position = 0; position < length; position += 37) {
      await flip("manifest.json", position);
      expect(await refusal()).toMatchObject({
        code: "bundle_corrupt",
        message: expect.stringContaining("manifest.json"),
      });
      await flip("manifest.json", position);
    }
  });

  it("refuses an edited manifest that is still good JSON", async () => {
    const manifest = JSON.parse(await readFile(at("manifest.json"), "utf8"));
    await writeFile(at("manifest.json"), JSON.stringify({ ...manifest, seed: 8 }));
    expect((await refusal()).message).toContain(`expected SHA-256 ${id}`);
  });

  it("refuses a file that was cut, grown, removed, or is a directory, with the sizes", async () => {
    await truncate(at("a.bin"), 3);
    expect((await refusal()).message).toContain('file "a.bin" expected 4 bytes, got 3');
    await writeFile(at("a.bin"), "aaaaa");
    expect((await refusal()).message).toContain('file "a.bin" expected 4 bytes, got 5');
    await rm(at("a.bin"));
    expect((await refusal()).message).toContain('file "a.bin" expected a file, got none');
    await mkdir(at("a.bin"));
    expect(await refusal()).toMatchObject({
      code: "bundle_corrupt",
      message: expect.stringContaining("got a directory"),
    });
  });

  it("refuses two files that changed places", async () => {
    await rename(at("a.bin"), at("held"));
    await rename(at("deep/er/b.bin"), at("a.bin"));
    await rename(at("held"), at("deep/er/b.bin"));
    expect((await refusal()).code).toBe("bundle_corrupt");
  });

  it("refuses a bundle under another's name", async () => {
    const other = "0123456789abcdef" as BundleId;
    await cp(join(directory, id), join(directory, other), { recursive: true });
    await expect(registry.open(other)).rejects.toMatchObject({ code: "bundle_corrupt" });
  });

  /** A bundle whose hash is right and whose manifest is `value`: made by something else than this version. */
  async function foreign(value: unknown): Promise<BundleId> {
    const text = bytes(typeof value === "string" ? value : JSON.stringify(value));
    const name = bundleIdOf(text);
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, "manifest.json"), text);
    return name;
  }

  it("refuses a format that it does not know, and says which it got", async () => {
    const opening = registry.open(await foreign({ ...about, format: 2, files: {} }));
    await expect(opening).rejects.toMatchObject({ code: "bundle_incompatible" });
    await expect(opening).rejects.toThrow("expected format 1, got 2");
  });

  it.each(["not json", "null", "[]", { ...about, format: 1 }])("refuses the manifest %j", async (value) => {
    await expect(registry.open(await foreign(value))).rejects.toMatchObject({ code: "bundle_incompatible" });
  });

  it("refuses a manifest that names files outside of the bundle", async () => {
    const entry = { sha256: "0".repeat(64), bytes: 1 };
    for (const name of ["../../secret", "/etc/passwd"]) {
      const opening = registry.open(await foreign({ ...about, format: 1, files: { [name]: entry } }));
      await expect(opening).rejects.toMatchObject({ code: "bundle_incompatible" });
    }
  });

  it.each(["0000000000000000", "../bundles", "", "ABCDEF0123456789"])("has no bundle %j", async (name) => {
    await expect(registry.open(name as BundleId)).rejects.toMatchObject({ code: "no_bundle" });
  });
});

describe("the pointers", () => {
  const publish = (seed: number) => registry.publish({ ...about, createdAt: seed as EpochMs, seed }, files);

  it("begin at nothing", async () => {
    expect(await registry.current()).toBeNull();
    expect(await registry.list()).toEqual([]);
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
  });

  it("move by promote, and one step back by rollback", async () => {
    const [one, two] = [await publish(1), await publish(2)];
    expect(await registry.current()).toBeNull();
    await registry.promote(one);
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
    await registry.promote(two);
    await registry.promote(two);
    const summaries = await (await open()).list();
    expect(summaries.map(({ id, state }) => [id, state])).toEqual([
      [two, "current"],
      [one, "previous"],
    ]);
    expect(summaries[0]).toMatchObject({ manifest: { createdAt: 2, logOffset: 42 } });
    expect(await registry.rollback()).toBe(one);
    expect(await (await open()).current()).toBe(one);
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
  });

  it("go back as often as there were others, to a named one at once, and remember who was current when", async () => {
    const clock = new ManualClock(1_000 as EpochMs);
    registry = await openFileRegistry(directory, { clock });
    const [one, two, three] = [await publish(1), await publish(2), await publish(3)];
    for (const id of [one, two, three]) {
      clock.advance(1_000);
      await registry.promote(id, id === three ? "the objective was changed" : undefined);
    }
    expect(await registry.rollback()).toBe(two);
    expect(await registry.rollback()).toBe(one);
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
    // What was rolled back from may come back by its name.
    expect(await registry.rollback(three)).toBe(three);
    expect(await registry.rollback()).toBe(one);
    const states = (await registry.list()).map(({ state }) => state);
    expect(states).toEqual(["earlier", "earlier", "current"]);
    expect(await (await open()).changes()).toEqual([
      { bundle: one, time: 2_000, kind: "promote" },
      { bundle: two, time: 3_000, kind: "promote" },
      { bundle: three, time: 4_000, kind: "promote", despite: "the objective was changed" },
      ...[two, one, three, one].map((bundle) => ({ bundle, time: 4_000, kind: "rollback" })),
    ]);
  });

  it("do not go back to a bundle that never was current, nor to the one that is", async () => {
    const [one, two] = [await publish(1), await publish(2)];
    await registry.promote(one);
    for (const id of [one, two]) {
      await expect(registry.rollback(id)).rejects.toMatchObject({ code: "no_bundle" });
    }
    expect(await registry.current()).toBe(one);
  });

  it("remember 64 moves, and 15 bundles to go back to", async () => {
    const ids = [await publish(1), await publish(2)] as const;
    for (let i = 0; i < 70; i++) await registry.promote(ids[i % 2]!);
    expect(await registry.changes()).toHaveLength(64);
    for (let i = 0; i < 15; i++) expect(await registry.rollback()).toBe(ids[i % 2]);
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
    expect(await registry.current()).toBe(ids[0]);
  });

  it("do not move to a bundle that does not open", async () => {
    const [one, two] = [await publish(1), await publish(2)];
    await registry.promote(one);
    await rm(join(directory, two, "a.bin"));
    await expect(registry.promote(two)).rejects.toMatchObject({ code: "bundle_corrupt" });
    await expect(registry.promote("0".repeat(16) as BundleId)).rejects.toMatchObject({ code: "no_bundle" });
    expect(await registry.current()).toBe(one);
  });

  it("do not move back to a bundle that does not open", async () => {
    const [one, two] = [await publish(1), await publish(2)];
    await registry.promote(one);
    await registry.promote(two);
    await rm(join(directory, one), { recursive: true });
    await expect(registry.rollback()).rejects.toMatchObject({ code: "no_bundle" });
    expect(await registry.current()).toBe(two);
  });

  it.each(["", "{", "[]", '{"current":null}', '{"changes":[{"bundle":"../x","time":1,"kind":"promote"}]}'])(
    "say so when their file holds %j, and promoting mends it",
    async (text) => {
      const id = await publish(1);
      await writeFile(join(directory, "pointers.json"), text);
      await expect(registry.current()).rejects.toMatchObject({ code: "bundle_corrupt" });
      expect(await registry.list()).toHaveLength(1);
      await registry.promote(id);
      expect(await registry.current()).toBe(id);
    },
  );

  it("are never seen half-written by a reader", async () => {
    const ids = [await publish(1), await publish(2)] as const;
    await registry.promote(ids[0]);
    let done = false;
    const reader = (async () => {
      const other = await open();
      while (!done) expect(ids).toContain(await other.current());
    })();
    for (let i = 0; i < 50; i++) await registry.promote(ids[i % 2]!);
    done = true;
    await reader;
  });

  it("follow promote and rollback like a stack", async () => {
    const ids = [await publish(1), await publish(2), await publish(3)];
    const step = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant("rollback" as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await rm(join(directory, "pointers.json"), { force: true });
        const stack: BundleId[] = [];
        for (const step of steps) {
          if (step === "rollback") {
            const outcome = await registry.rollback().catch(() => null);
            expect(outcome).toBe(stack[1] ?? null);
            if (stack.length > 1) stack.shift();
          } else {
            await registry.promote(ids[step]!);
            if (ids[step] !== stack[0]) stack.unshift(ids[step]!);
          }
          expect(await registry.current()).toBe(stack[0] ?? null);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("a verdict", () => {
  const refusal = {
    accepted: false,
    time: 7 as EpochMs,
    report: { checks: [{ name: "scores", came: null }] },
  };

  it("is kept beside the bundle, which stays as it is; a later one takes its place", async () => {
    const id = await registry.publish(about, files);
    expect(await registry.verdict(id)).toBeNull();
    expect(await registry.list()).toMatchObject([{ id, state: "candidate" }]);
    await registry.judge(id, refusal);
    const other = await open();
    expect(await other.verdict(id)).toEqual(refusal);
    expect(await other.list()).toMatchObject([{ id, state: "refused" }]);
    expect((await other.open(id)).manifest).toMatchObject(about);
    await registry.judge(id, { ...refusal, accepted: true });
    expect(await other.list()).toMatchObject([{ id, state: "candidate" }]);
  });

  it("does not change what the pointers say: who is promoted all the same is current", async () => {
    const id = await registry.publish(about, files);
    await registry.judge(id, refusal);
    await registry.promote(id, "I know better");
    expect(await registry.list()).toMatchObject([{ id, state: "current" }]);
    expect(await registry.changes()).toMatchObject([{ bundle: id, despite: "I know better" }]);
  });

  it("is given on bundles alone, and is none where its file holds something else", async () => {
    const id = await registry.publish(about, files);
    const missing = registry.judge("0".repeat(16) as BundleId, refusal);
    await expect(missing).rejects.toMatchObject({ code: "no_bundle" });
    expect(await registry.verdict("../pointers" as BundleId)).toBeNull();
    for (const text of ["", "null", '{"accepted":"yes","time":1}']) {
      await writeFile(join(directory, `${id}.verdict.json`), text);
      expect(await registry.verdict(id)).toBeNull();
    }
  });
});

describe("what a killed writer leaves", () => {
  const work = fileURLToPath(new URL("publish-for-ever.child.ts", import.meta.url));

  /** A process that publishes until it is killed. */
  function startWriter(firstSeed: number) {
    const script = `
      import { createJiti } from "jiti";
      const { publishForEver } = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(work)});
      await publishForEver(${JSON.stringify(directory)}, ${firstSeed});`;
    const args = ["--input-type=module", "-e", script];
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  }

  it("is never a bundle: each kill -9 leaves whole bundles alone, and the next start sweeps", async () => {
    let swept = 0;
    const delays = [1, 7, 13, 29];
    // At least one kill has to hit a writer at work, or nothing is proved.
    for (let round = 0; round < delays.length || (swept === 0 && round < 20); round++) {
      const writer = startWriter(round * 1_000);
      let published = "";
      writer.stdout.on("data", (chunk) => {
        published += chunk;
      });
      await Promise.race([once(writer.stdout, "data"), once(writer, "close")]);
      await new Promise((resolve) => setTimeout(resolve, delays[round % delays.length]));
      writer.kill("SIGKILL");
      await once(writer, "close");

      swept += (await readdir(directory)).filter((name) => name.startsWith(".scratch")).length;
      const after = await open();
      expect((await readdir(directory)).filter((name) => name.startsWith(".scratch"))).toEqual([]);
      const listed = (await after.list()).map(({ id }) => id);
      for (const id of listed) await after.open(id);
      // What it said is published is there; a last one may be there that it had no time to tell of.
      for (const id of published.trim().split("\n")) expect(listed).toContain(id);
    }
    expect(swept).toBeGreaterThan(0);
  });

  it("of another host is swept a day later, of a living process never before", async () => {
    const clock = new ManualClock(systemClock.now());
    const sweeping = () => openFileRegistry(directory, { clock });
    const dead = ".scratch.elsewhere.1.00";
    const living = `.scratch.${hostname().replaceAll(/[^A-Za-z0-9-]/g, "-")}.${process.pid}.00`;
    for (const name of [dead, living]) {
      await mkdir(join(directory, name));
      await utimes(join(directory, name), systemClock.now() / 1_000, systemClock.now() / 1_000);
    }
    clock.advance(DAY - 60_000);
    await sweeping();
    expect((await readdir(directory)).sort()).toEqual([dead, living].sort());
    clock.advance(120_000);
    await sweeping();
    expect(await readdir(directory)).toEqual([]);
  });
});
