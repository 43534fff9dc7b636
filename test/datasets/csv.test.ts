import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IMPORTERS } from "../../src/datasets/index.ts";
import { CsvParser } from "../../src/datasets/text/csv-parser.ts";
import { LONGEST_LINE } from "../../src/datasets/text/text-blocks.ts";
import { batchesOf, brief, file, imported } from "./fixtures.ts";

/** Parses blocks and gives the records with their lines, bad ones as texts. */
function parse(
  blocks: readonly string[],
  columns = 3,
  delimiter = ",",
): (string | readonly [number, ...string[]])[] {
  const seen: (string | readonly [number, ...string[]])[] = [];
  const slots = Int32Array.from({ length: columns }, (_, i) => i);
  const parser = new CsvParser(delimiter, slots, {
    record: (fields, count, line) => seen.push([line, ...fields.slice(0, count)]),
    bad: (line, reason) => seen.push(`${line}: ${reason}`),
  });
  for (const block of blocks) parser.push(block);
  parser.end();
  return seen;
}

describe("the CSV parser", () => {
  it("reads quotes, doubled quotes, newlines in quotes, CRLF and empty fields", () => {
    expect(parse(['a,"b, ""c""","d\ne"\r\n,"",\r\n\r\n\nx,y"z,"w"\n'])).toEqual([
      [1, "a", 'b, "c"', "d\ne"],
      [3, "", "", ""],
      [6, "x", 'y"z', "w"],
    ]);
  });

  it("gives back whatever RFC 4180 can write, wherever the blocks are cut", () => {
    const field = fc.string({ unit: fc.constantFrom("a", "é", ",", '"', "\n", "\r", " ", "7") });
    const rows = fc.array(fc.array(field, { minLength: 3, maxLength: 3 }), { maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (table, cuts) => {
        const text = table.map((row) => row.map((f) => `"${f.replaceAll('"', '""')}"`).join(",")).join("\n");
        const blocks: string[] = [""];
        for (const [i, line] of `${text}\n`.split(/(?<=\n)/).entries()) {
          if (cuts[i % cuts.length]) blocks.push("");
          blocks[blocks.length - 1] += line;
        }
        const records = parse(blocks).map((record) =>
          typeof record === "string" ? record : record.slice(1),
        );
        expect(records).toEqual(table);
      }),
    );
  });

  it("loses one row to a stray quote and not the rest of the file", () => {
    expect(parse(['a,"b,c\nd,e,f\n"g"x,h,i\nj,k,l\n'])).toEqual([
      "1: a closing quote is followed by neither a delimiter nor the line's end",
      [2, "d", "e", "f"],
      "3: a closing quote is followed by neither a delimiter nor the line's end",
      [4, "j", "k", "l"],
    ]);
    expect(parse(['a,"b,c\n', "d,e,f\n"])).toEqual([
      "1: a quote is opened and never closed",
      [2, "d", "e", "f"],
    ]);
  });

  it("does not hold more than 1 MiB for a quote that is never closed", () => {
    const rest = `d,e,f\n${`${"x".repeat(1000)},y,z\n`.repeat(1200)}`;
    const seen = parse(['a,"b,c\n', rest]);
    expect(seen[0]).toBe("1: a quote is opened and not closed within 1 MiB");
    expect(seen).toHaveLength(1202);
  });
});

const csv = IMPORTERS.find((importer) => importer.name === "csv")!;

describe("CSV files", () => {
  it("finds the delimiter, guesses the columns and says so", async () => {
    const rows =
      "\ufeffUser ID;Video-Id;TS;Event Type;note\r\nu1;v1;1650816000123;LIKE;a\r\nu1;v2;1650816000124;;b\r\n";
    const { report, interactions } = await imported({ path: file("log.csv", rows) });
    expect(report.why).toBe(
      "semicolon-separated, 5 columns; user = User ID, item = Video-Id, time = TS (milliseconds since 1970), " +
        'type = Event Type; a row without type is a "view"',
    );
    expect(interactions.map(brief)).toEqual([
      "u1 like v1 2022-04-24T16:00:00.123Z",
      "u1 view v2 2022-04-24T16:00:00.124Z",
    ]);
  });

  it("takes a column of ratings for ratings, and a mapping that leaves it out for views", async () => {
    const path = file("log.csv", "uid,iid,overall,when\nu,i,4.5,2022-04-25\nu,j,,2022-04-26\n");
    const columns = { time: "when" };
    expect((await imported({ path, columns })).interactions.map((e) => e.type)).toEqual(["view", "view"]);
    const rated = await imported({ path, columns: { ...columns, value: "overall" } });
    expect(rated.interactions.map(brief)).toEqual([
      "u rate i 2022-04-25T00:00:00.000Z 4.5",
      "u rate j 2022-04-26T00:00:00.000Z",
    ]);
  });

  it("reads columns by number where there is no header", async () => {
    const path = file("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n");
    const columns = { user: "1", item: "2", value: "3", time: "4" };
    const { interactions } = await imported({ path, columns });
    expect(interactions.map((e) => `${e.user} ${e.item} ${e.time}`)).toEqual([
      "196 242 881250949000",
      "186 302 891717742000",
    ]);
  });

  it("says which columns there are where one is missing or misspelt", async () => {
    const path = file("log.csv", "who,item,time\nu,i,1650816000\n");
    await expect(imported({ path })).rejects.toThrow(
      /no column for user; there are "who", "item", "time".*--columns user=COLUMN/,
    );
    await expect(imported({ path, columns: { user: "whom" } })).rejects.toMatchObject({
      code: "invalid_columns",
    });
    await expect(imported({ path, columns: { user: "whom" } })).rejects.toThrow(/user=whom names a column/);
  });

  it("calls each bad row by its line and reason, without ids and texts", async () => {
    const rows = [
      "user,item,time,type,value",
      "u1,v1,1650816000,watch,0.5",
      ",v1,1650816000,view,",
      `u1,${"x".repeat(257)},1650816000,view,`,
      "u1,v\u00071,1650816000,view,",
      "u1,v1,soon,view,",
      "u1,v1,,view,",
      "u1,v1,-5,view,",
      "u1,v1,1767400000,view,",
      "u1,v1,1650816000,buy,",
      "u1,v1,1650816000,watch,NaN",
      "u1,v1,1650816000,watch,1.5",
      "u1,v1,1650816000,rate,Infinity",
      "u1,v1,1650816000",
      '"u1,v1,1650816000,view,',
      `u1,v1,1650816000,view,${"9".repeat(LONGEST_LINE)}`,
      "u2,v1,1650816000,view,whatever",
      "",
    ];
    const [batch] = await batchesOf(csv, { path: file("log.csv", rows.join("\n")) });
    expect(batch?.events).toHaveLength(2);
    expect(batch?.rows).toBe(16);
    const bad = batch?.bad.map(({ line, reason }) => `${line}: ${reason}`);
    expect(bad).toEqual([
      "3: user is empty",
      "4: item is longer than 256 characters",
      "5: item holds a control character or half of a surrogate pair",
      '6: time: expected seconds since 1970, as in the first rows; got "soon"',
      '7: time: expected seconds since 1970, as in the first rows; got ""',
      '8: time is before 1970; expected seconds since 1970, as in the first rows; got "-5"',
      '9: time is more than a day in the future; expected seconds since 1970, as in the first rows; got "1767400000"',
      "10: type: expected one of view, click, watch, like, comment, share, save, follow, purchase, rate, dislike, " +
        'hide, block; got "buy"',
      '11: value: expected a finite number; got "NaN"',
      "12: value of a watch: expected the share watched, 0 to 1. Divide the seconds watched by the duration, or " +
        "leave value out. Got 1.5",
      '13: value: expected a finite number; got "Infinity"',
      "14: 5 fields expected, 3 came",
      "15: a quote is opened and never closed",
      "16: the line is longer than 1 MiB",
    ]);
  });

  it("takes a line of exactly 1 MiB", async () => {
    const head = "u1,v1,1650816000,view,";
    const long = head + "9".repeat(LONGEST_LINE - head.length);
    const [batch] = await batchesOf(csv, {
      path: file("log.csv", `user,item,time,type,x\n${long}\n${long}9\n`),
    });
    expect(batch?.bad.map((bad) => bad.line)).toEqual([3]);
    expect(batch?.events).toHaveLength(1);
  });

  it("reads Latin-1 and UTF-8, also where a character lies on the edge of a chunk", async () => {
    const latin = file("log.csv", Buffer.from("user,item,time\nJos\xe9,i,1650816000\n", "latin1"));
    expect((await imported({ path: latin })).interactions[0]?.user).toBe("José");
    const rows = Array.from({ length: 40_000 }, (_, i) => `üser${i % 7},ïtem${i},${1650816000 + i}`);
    const utf8 = file("log.csv", `user,item,time\n${rows.join("\n")}`);
    const { interactions } = await imported({ path: utf8 });
    expect(interactions.map((e) => `${e.user},${e.item},${e.time / 1000}`)).toEqual(rows);
  });
});
