import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Progress, silent, UpnextError } from "../../src/core/index.ts";
import { importInto } from "../../src/datasets/index.ts";
import { type Event, memoryLog } from "../../src/events/index.ts";
import { brief, eventsOf, file, imported, NOW, parquetFile, write } from "./fixtures.ts";

/** A CSV of `rows` good rows and, at its end, `bad` bad ones. */
function table(rows: number, bad = 0): string {
  const good = Array.from({ length: rows }, (_, i) => `u${i % 50},v${i},${1650816000 + i}\n`);
  return `user,item,time\n${good.join("")}${"u,v,never\n".repeat(bad)}`;
}

describe("an import", () => {
  it("refuses more bad rows than allowed and leaves no trace", async () => {
    const log = memoryLog();
    const path = file("log.csv", table(1979, 21));
    const refused = importInto(log, { path, now: NOW }, silent);
    await expect(refused).rejects.toMatchObject({ code: "too_many_bad_rows" });
    await expect(refused).rejects.toThrow(
      /log.csv: 21 of 2000 rows are bad, more than 1 %; nothing was imported.*--max-bad 0.011.*log.csv:1981: time/s,
    );
    expect(log.end).toBe(0);
  });

  it("takes just as many bad rows as allowed, and shows the first 20 of them", async () => {
    const { report } = await imported({ path: file("log.csv", table(1980, 20)) });
    expect(report).toMatchObject({ rows: 2000, bad: 20, accepted: 1980 });
    const more = await imported({ path: file("log.csv", table(10, 90)), maxBad: 0.9 });
    expect(more.report).toMatchObject({ rows: 100, bad: 90, accepted: 10 });
    expect(more.report.badRows.map((bad) => bad.line)).toEqual(Array.from({ length: 20 }, (_, i) => 12 + i));
    await expect(imported({ path: file("log.csv", table(10)), maxBad: 2 })).rejects.toThrow(/maxBad/);
  });

  it("with bad rows alone is refused, whatever the share", async () => {
    const path = file("log.csv", table(0, 5));
    await expect(imported({ path })).rejects.toMatchObject({ code: "too_many_bad_rows" });
    await expect(imported({ path, maxBad: 1 })).rejects.toMatchObject({ code: "empty_data" });
  });

  it("judges the items file apart, so that good rows elsewhere do not excuse it", async () => {
    const items = file("items.csv", "id,title,duration\n1,A,long\n2,B,5\n");
    const request = { path: file("log.csv", table(1000)), items };
    await expect(imported(request)).rejects.toThrow(/items.csv: 1 of 2 rows are bad/);
  });

  it("that was interrupted can be run again and changes nothing twice", async () => {
    const path = file("log.csv", table(35_000));
    const whole = await imported({ path });
    const log = memoryLog();
    let appends = 0;
    const failing = {
      append(events: readonly Event[]) {
        if (++appends === 3) return Promise.reject(new UpnextError("log_unavailable", "the disk is full"));
        return log.append(events);
      },
    };
    const broken = importInto(failing, { path, now: NOW }, silent);
    await expect(broken).rejects.toMatchObject({ code: "log_unavailable" });
    expect(log.end).toBeGreaterThan(0);
    const again = await imported({ path }, log);
    expect(again.report.accepted + again.report.duplicates).toBe(35_000);
    expect(await eventsOf(log)).toEqual(whole.events);
  });

  it("of a file that has grown adds the new rows alone", async () => {
    const path = file("log.csv", table(100));
    const { log } = await imported({ path });
    appendFileSync(path, "u9,new,1650900000\nu0,v0,1650816000\n");
    const { report } = await imported({ path }, log);
    expect(report).toMatchObject({ rows: 102, accepted: 1, duplicates: 101, offset: 101 });
  });

  it("waits for the log: never two appends at once, none larger than 10,000 events", async () => {
    let under = 0;
    const sizes: number[] = [];
    const slow = {
      async append(events: readonly Event[]) {
        expect(++under).toBe(1);
        sizes.push(events.length);
        await new Promise((resolve) => setTimeout(resolve, 5));
        under--;
        return { offset: 0 as never, accepted: events.length, duplicates: 0 };
      },
    };
    await importInto(slow, { path: file("log.csv", table(60_000)), now: NOW }, silent);
    expect(sizes.reduce((a, b) => a + b)).toBe(60_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000);
  });

  it("reports both passes, every byte of them, and what it detected", async () => {
    const seen: string[] = [];
    let done = 0;
    const progress: Progress = {
      step: (name, total, unit) => seen.push(`${name} ${total} ${unit}`),
      update(bytes) {
        done = bytes;
      },
      note: (text) => seen.push(text),
    };
    const path = file("log.csv", table(100));
    const items = file("items.csv", "id,title\nv1,One\n");
    await importInto(memoryLog(), { path, items, now: NOW }, progress);
    const total = table(100).length + "id,title\nv1,One\n".length;
    expect(seen).toEqual([
      expect.stringMatching(/^log.csv: csv: comma-separated/),
      "items.csv: items: comma-separated, 2 columns; id = id, title = title",
      `check ${total} bytes`,
      `import ${total} bytes`,
    ]);
    expect(done).toBe(total);
  });
});

describe("an items file", () => {
  const log = () => file("log.csv", "user,item,time\nu,v1,1650816000\n");
  const ALL = {
    title: "One, two",
    creator: "c1",
    categories: ["a", "b"],
    duration: 90.5,
    publishedAt: Date.UTC(2022, 3, 1),
  };

  it.each([
    [
      "CSV",
      async () =>
        file(
          "items.csv",
          'video_id,title,author,tags,duration_ms,upload_date\nv1,"One, two",c1,a|b|a,90500,2022-04-01\n',
        ),
    ],
    [
      "JSON lines",
      async () =>
        file(
          "items.jsonl",
          '{"id":"v1","title":"One, two","creator":"c1","categories":["a","b"],"duration":90.5,"publishedAt":1648771200}\n',
        ),
    ],
    [
      "Parquet",
      () =>
        parquetFile(
          "SELECT 'v1' AS item_id, 'One, two' AS name, 'c1' AS channel, ['a', 'b'] AS genres, 90.5::FLOAT AS length, DATE '2022-04-01' AS published",
        ),
    ],
  ])("may be %s, its columns guessed", async (_, make) => {
    const { items, events } = await imported({ path: log(), items: await make() });
    expect(items.map(({ item, facts, time }) => [item, facts, time])).toEqual([["v1", ALL, ALL.publishedAt]]);
    expect(events[0]?.kind).toBe("item");
  });

  it("may be mapped, and may leave facts out", async () => {
    const items = file("items.csv", "a,b,c\nv1,T,\nv2,,x;y\n");
    const request = { path: log(), items, itemColumns: { id: "a", title: "b", categories: "c" } };
    expect((await imported(request)).items.map((e) => e.facts)).toEqual([
      { title: "T" },
      { categories: ["x", "y"] },
    ]);
    await expect(imported({ path: log(), items })).rejects.toThrow(
      /no column for the item's id; there are "a", "b", "c"/,
    );
  });

  it("makes a row bad whose facts are out of bounds", async () => {
    const rows = [
      "id,title,creator,duration,publishedAt",
      ",T,,,",
      `1,${"x".repeat(1001)},,,`,
      "2,T,c\u0001,,",
      "3,T,,-5,",
      "4,T,,,2022-02-30",
      "5,T,,NaN,",
      "6,T,c,5,2022-02-20",
    ];
    const { report, items } = await imported({
      path: log(),
      items: file("items.csv", rows.join("\n")),
      maxBad: 0.9,
    });
    expect(items.map((e) => e.item)).toEqual(["6"]);
    expect(report.badRows.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "2: id is empty",
      "3: title is longer than 1000 characters",
      "4: creator holds a control character or half of a surrogate pair",
      '5: duration: expected a number >= 0; got "-5"',
      '6: publishedAt: expected ISO 8601, UTC where no zone is given; got "2022-02-30"',
      '7: duration: expected a number >= 0; got "NaN"',
    ]);
  });
});

describe("JSON lines", () => {
  it("are bad where a line is no object, and where a number is no exact id", async () => {
    const rows = [
      '{"user":1,"item":"a","ts":1650816000}',
      '{"user":1,"item":',
      "[1,2]",
      "null",
      "",
      '{"user":12345678901234567890,"item":"a","ts":1650816000}',
      '{"user":1.5,"item":"a","ts":1650816000}',
      '{"item":"a","ts":1650816000}',
      '{"user":{"id":1},"item":"a","ts":1650816000}',
      '{"user":"\\ud800","item":"a","ts":1650816000}',
    ];
    const { report } = await imported({ path: file("log.jsonl", rows.join("\n")), maxBad: 0.9 });
    expect(report.accepted).toBe(1);
    expect(report.badRows.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "2: the line is not a JSON object",
      "3: the line is not a JSON object",
      "4: the line is not a JSON object",
      "6: user is a number beyond 2^53, which readers of JSON round; write it as a string",
      "7: user is neither a text nor a whole number",
      "8: user is empty",
      "9: user is neither a text nor a whole number",
      "10: user holds a control character or half of a surrogate pair",
    ]);
  });

  it("are not a JSON array, and the error says how to convert it", async () => {
    await expect(imported({ path: file("log.json", '[{"user":1}]') })).rejects.toThrow(/jq -c/);
  });
});

describe("Parquet", () => {
  it("reads wide integers exactly, times of every type, and counts rows from 1", async () => {
    const path = await parquetFile(
      "SELECT 9223372036854775807 - i AS uid, i AS iid, epoch_us(TIMESTAMP '2022-04-25 00:00:00') AS ts, " +
        "CASE WHEN i = 1 THEN 'NaN'::DOUBLE ELSE i + 0.5 END AS rating FROM range(3) t(i) ORDER BY i",
    );
    const { report, interactions } = await imported({ path, maxBad: 0.5 });
    expect(report.why).toContain("time = ts (microseconds since 1970)");
    expect(interactions.map(brief)).toEqual([
      "9223372036854775807 rate 0 2022-04-25T00:00:00.000Z 0.5",
      "9223372036854775805 rate 2 2022-04-25T00:00:00.000Z 2.5",
    ]);
    expect(report.badRows).toMatchObject([{ line: 2, reason: 'value: expected a finite number; got "NaN"' }]);
  });

  it.each(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMPTZ", "DATE"])(
    "reads %s columns",
    async (type) => {
      const path = await parquetFile(
        `SELECT 'u' AS u, 'i' AS item, '2022-04-25'::TIMESTAMP::${type} AS time`,
      );
      expect((await imported({ path })).interactions[0]?.time).toBe(Date.UTC(2022, 3, 25));
    },
  );

  it("says that a file is broken or holds no rows", async () => {
    await expect(imported({ path: file("x.parquet", "PAR1 and nothing else") })).rejects.toMatchObject({
      code: "unknown_format",
    });
    const none = await parquetFile("SELECT 'u' AS u, 'i' AS item, 1650816000 AS time WHERE false");
    await expect(imported({ path: none })).rejects.toMatchObject({ code: "empty_data" });
  });

  it("reads from a path with quotes and brackets", async () => {
    const from = await parquetFile("SELECT 'u' AS u, 'i' AS item, 1650816000 AS time");
    const { readFileSync } = await import("node:fs");
    const directory = write({ "it's [1].parquet": readFileSync(from) });
    expect((await imported({ path: `${directory}/it's [1].parquet` })).report.accepted).toBe(1);
  });
});
