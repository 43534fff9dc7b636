/** The texts that name a split, and those that do not. */
import { describe, expect, it } from "vitest";
import { UpnextError } from "../../src/core/index.ts";
import { parseSplit } from "../../src/evaluation/index.ts";

describe("a split", () => {
  it.each([
    ["leave-one-out", { kind: "leave-one-out" }],
    ["time:0.9", { kind: "share", share: 0.9 }],
    ["time:.25", { kind: "share", share: 0.25 }],
    ["time:0.001", { kind: "share", share: 0.001 }],
    ["time:2022-05-01", { kind: "moment", moment: Date.UTC(2022, 4, 1) }],
    ["time:2024-02-29", { kind: "moment", moment: Date.UTC(2024, 1, 29) }],
    ["time:2022-05-01Z", { kind: "moment", moment: Date.UTC(2022, 4, 1) }],
    ["time:2022-05-01+08:00", { kind: "moment", moment: Date.UTC(2022, 3, 30, 16) }],
    ["time:2022-05-01-03:30", { kind: "moment", moment: Date.UTC(2022, 4, 1, 3, 30) }],
    ["time:2022-05-01T10:30", { kind: "moment", moment: Date.UTC(2022, 4, 1, 10, 30) }],
    ["time:2022-05-01T10:30:15.5Z", { kind: "moment", moment: Date.UTC(2022, 4, 1, 10, 30, 15, 500) }],
    ["time:2022-05-01T10:30+08:00", { kind: "moment", moment: Date.UTC(2022, 4, 1, 2, 30) }],
    ["time:1970-01-01", { kind: "moment", moment: 0 }],
  ])("is read from %s", (text, split) => {
    expect(parseSplit(text)).toEqual(split);
  });

  it.each([
    "",
    ":",
    "leave-one-out:",
    "Leave-One-Out",
    " leave-one-out",
    "random:0.9",
    "time",
    "time:",
    "time:0",
    "time:0.0",
    "time:1",
    "time:1.0",
    "time:1.5",
    "time:-0.5",
    "time:0.9.1",
    "time:9e-1",
    "time:0,9",
    "time:90%",
    "time:NaN",
    "time:yesterday",
    "time:2022",
    "time:2022-5-1",
    "time:2022-13-01",
    "time:2022-02-30",
    "time:2023-02-29",
    "time:2022-05-01T",
    "time:2022-05-01T10",
    "time:2022-05-01T25:00",
    "time:2022-05-01 10:30",
    "time:2022-05-01+0800",
    "time:2022-05-01+25:00",
    "time:0.9 ",
    "time:0.9\n",
  ])("is not read from %j: the message says what is expected and what came", (text) => {
    const refused = (): unknown => parseSplit(text);
    expect(refused).toThrow(UpnextError);
    expect(refused).toThrow(
      `split: expected leave-one-out, time:SHARE (time:0.9) or time:MOMENT (time:2022-05-01+08:00), got ${JSON.stringify(text)}`,
    );
  });
});
