import { describe, expect, it } from "vitest";
import { parseColumns, parseItemColumns } from "../../src/datasets/index.ts";
import { guessTimeUnit, parseIso, parseTime } from "../../src/datasets/rows/timestamps.ts";

describe("a column mapping", () => {
  it("is a list of FIELD=COLUMN, whose columns may hold spaces and equals signs", () => {
    expect(parseColumns("user=uid, item = video id,time=a=b")).toEqual({
      user: "uid",
      item: "video id",
      time: "a=b",
    });
    expect(parseItemColumns("id=movie,publishedAt=day")).toEqual({ id: "movie", publishedAt: "day" });
  });

  it.each([
    ["", '"" is not FIELD=COLUMN'],
    ["user", '"user" is not FIELD=COLUMN'],
    ["user=", '"user=" is not FIELD=COLUMN'],
    ["user=a,,item=b", '"" is not FIELD=COLUMN'],
    ["usr=a", '"usr" is not a field'],
    ["user=a,user=b", '"user" is given twice'],
    ["__proto__=a", '"__proto__" is not a field'],
  ])("refuses %j exactly", (text, problem) => {
    expect(() => parseColumns(text)).toThrow(
      `column mapping: ${problem}. Expected a list such as user=COLUMN,item=COLUMN,time=COLUMN; fields: user, item, time, type, value.`,
    );
  });
});

describe("times", () => {
  it.each([
    [["1650816000"], "s"],
    [[1650816000.5], "s"],
    [["1650816000000"], "ms"],
    [["1650816000000000"], "µs"],
    [["1650816000000000000"], "ns"],
    [["2022-04-25", "x", "2022-04-26T00:00:00Z"], "iso"],
    [["", "soon", null], undefined],
    [["0", "5", "1650816000000", "1650816000001", "1650816000002"], "ms"],
  ] as const)("have the unit of their magnitude: %j", (sample, unit) => {
    expect(guessTimeUnit(sample)).toBe(unit);
  });

  it("become milliseconds in every unit", () => {
    for (const [cell, unit] of [
      ["1650816000.25", "s"],
      [1650816000250, "ms"],
      ["1650816000250499", "µs"],
      [1650816000250000000n, "ns"],
      ["2022-04-24T16:00:00.25Z", "iso"],
      ["2022-04-25 00:00:00.250499+0800", "iso"],
      ["2022-04-24T18:30:00,25+02:30", "iso"],
    ] as const) {
      expect(parseTime(cell, unit)).toBe(1650816000250);
    }
  });

  it("are UTC where no zone is given", () => {
    expect(parseIso("2022-04-25")).toBe(Date.UTC(2022, 3, 25));
    expect(parseIso("2022-04-25T12:30")).toBe(Date.UTC(2022, 3, 25, 12, 30));
  });

  it.each([
    "2022-02-30",
    "2022-13-01",
    "2022-00-10",
    "2022-01-01T25:00",
    "2022-01-01T10:61",
    "yesterday",
    "2022",
    "",
  ])("are not made of %j", (text) => {
    expect(parseIso(text)).toBeNaN();
  });
});
