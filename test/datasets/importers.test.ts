/** What every importer promises; a new one joins with a line in SETS. */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/index.ts";
import { detectFormat, IMPORTERS } from "../../src/datasets/index.ts";
import { parseEvent } from "../../src/events/index.ts";
import { batchesOf, eventsOf, file, imported, NOW, SETS, write } from "./fixtures.ts";

it("is tried on a data set of every importer", () => {
  expect(SETS.map((set) => set.name).sort()).toEqual(IMPORTERS.map((importer) => importer.name).sort());
});

describe.each(SETS)("the importer $name", ({ name, make }) => {
  const importer = IMPORTERS.find((candidate) => candidate.name === name)!;

  it("is the one that knows its data, and says why", async () => {
    const found = await detectFormat(IMPORTERS, { path: await make() });
    expect(found.importer.name).toBe(name);
    expect(found.why.length).toBeGreaterThan(20);
  });

  it("makes events that pass the border unchanged", async () => {
    for (const batch of await batchesOf(importer, { path: await make() })) {
      expect(batch.bad).toEqual([]);
      for (const event of batch.events) {
        const parsed = parseEvent(JSON.parse(JSON.stringify(event)), {
          now: NOW,
          makeId: () => "" as EventId,
        });
        expect(parsed).toEqual({ ok: true, value: event });
      }
    }
  });

  it("gives facts before interactions, counts every row and reads to the end of its files", async () => {
    const path = await make();
    const batches = await batchesOf(importer, { path });
    const kinds = batches.flatMap((batch) => batch.events.map((event) => event.kind));
    const lastFact = Math.max(kinds.lastIndexOf("item"), kinds.lastIndexOf("user"));
    expect(lastFact).toBeLessThan(kinds.indexOf("interaction"));
    expect(batches.every((batch) => batch.rows > 0)).toBe(true);
    for (const read of await importer.files({ path })) {
      const last = batches.findLast((batch) => batch.file === read);
      expect([read, last?.bytes]).toEqual([read, statSync(read).size]);
    }
  });

  it("changes nothing when it runs again", async () => {
    const path = await make();
    const first = await imported({ path });
    expect(first.report.accepted).toBeGreaterThan(0);
    const again = await imported({ path }, first.log);
    expect(again.report.accepted).toBe(0);
    expect(again.report.duplicates).toBe(first.report.accepted + first.report.duplicates);
    expect(again.events).toEqual(first.events);
  });

  it("stops in the middle when its reader stops", async () => {
    for await (const batch of importer.read({ path: await make() }, { now: NOW })) {
      expect(batch.events.length).toBeGreaterThan(0);
      break;
    }
  });

  it.skipIf(name === "parquet")("reads gzip like the text in it", async () => {
    const path = await make();
    const plain = await imported({ path });
    const packed: Record<string, Uint8Array> = {};
    for (const from of await importer.files({ path }))
      packed[`${basename(from)}.gz`] = gzipSync(readFileSync(from));
    const directory = write(packed);
    const single = ["csv", "jsonl"].includes(name);
    const again = await imported({ path: single ? `${directory}/${Object.keys(packed)[0]}` : directory });
    expect(again.events).toEqual(plain.events);
  });

  it.skipIf(name === "parquet")("says that there is no data where only headers are left", async () => {
    const path = await make();
    const headers: Record<string, string> = {};
    for (const from of await importer.files({ path })) {
      const first = readFileSync(from, "utf8").split("\n")[0]!;
      headers[basename(from)] = /^[{\d]/.test(first) ? "" : `${first}\n`;
    }
    const directory = write(headers);
    const single = ["csv", "jsonl"].includes(name);
    const source = { path: single ? `${directory}/${Object.keys(headers)[0]}` : directory };
    await expect(imported({ ...source, format: name })).rejects.toMatchObject({
      code: name === "sequence" ? "unknown_format" : "empty_data",
    });
  });
});

it("refuses what no importer knows and lists the formats", async () => {
  const path = file("notes.txt", "These are notes, nothing more.\nSee the other file.\n");
  await expect(imported({ path })).rejects.toMatchObject({ code: "unknown_format" });
  await expect(imported({ path })).rejects.toThrow(/movielens.*--columns/s);
});

it("refuses a path that does not exist, a broken gzip, UTF-16 and a format that it does not have", async () => {
  await expect(imported({ path: "/nowhere/at/all.csv" })).rejects.toMatchObject({ code: "data_not_found" });
  const packed = gzipSync(`user,item,time\n${"u,i,1650816000\n".repeat(50_000)}`);
  const broken = file("log.csv.gz", packed.subarray(0, packed.length - 20));
  await expect(imported({ path: broken })).rejects.toMatchObject({ code: "data_not_found" });
  const utf16 = file("log.csv", Buffer.from("\ufeffuser,item,time\n", "utf16le"));
  await expect(imported({ path: utf16 })).rejects.toThrow(/UTF-16.*iconv/);
  await expect(imported({ path: utf16, format: "xml" })).rejects.toThrow(
    /expected one of kuairand, .*got "xml"/,
  );
});

it("refuses an empty file, and a mapping for a format with fixed columns", async () => {
  await expect(imported({ path: file("log.csv", "") })).rejects.toMatchObject({ code: "empty_data" });
  const path = write({
    "ratings.csv": "userId,movieId,rating,timestamp\n",
    "movies.csv": "movieId,title,genres\n",
  });
  const request = { path, format: "movielens", columns: { user: "userId" } };
  await expect(imported(request)).rejects.toMatchObject({ code: "invalid_columns" });
});

it("takes one user and one item", async () => {
  const { log, report } = await imported({ path: file("one.csv", "user,item,time\nu,i,1650816000\n") });
  expect(report).toMatchObject({ rows: 1, bad: 0, accepted: 1, duplicates: 0, offset: 1 });
  expect(await eventsOf(log)).toMatchObject([{ user: "u", item: "i", type: "view", time: 1650816000000 }]);
});
