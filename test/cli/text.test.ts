import { execFileSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { amount, bytes, duration, plural } from "../../src/cli/amounts.ts";
import { programName, quoted } from "../../src/cli/command-line.ts";
import { evaluationTable } from "../../src/cli/evaluation-table.ts";
import { report } from "../../src/cli/failure.ts";
import { progressBars } from "../../src/cli/progress-bars.ts";
import { progressLines } from "../../src/cli/progress-lines.ts";
import { recommendationText } from "../../src/cli/recommendation-text.ts";
import { standingOut } from "../../src/cli/standing-out.ts";
import { printable, textTable } from "../../src/cli/text-table.ts";
import { tryNextText } from "../../src/cli/try-next.ts";
import {
  type BundleId,
  type ItemId,
  ManualClock,
  type Ms,
  type Offset,
  type RequestId,
  UpnextError,
  type UserId,
} from "../../src/core/index.ts";
import type { Recommendation } from "../../src/pipeline/recommender.ts";

describe("amounts", () => {
  test.each([
    [duration(0), "0 ms"],
    [duration(999), "999 ms"],
    [duration(1000), "1.0 s"],
    [duration(59_940), "59.9 s"],
    [duration(59_960), "1 min 00 s"],
    [duration(125_000), "2 min 05 s"],
    [bytes(999), "999 bytes"],
    [bytes(1000), "1.0 kB"],
    [bytes(999_999), "1.0 MB"],
    [bytes(24_594_131), "24.6 MB"],
    [plural(1, "item"), "1 item"],
    [plural(1234, "item"), "1,234 items"],
    [amount(5, 10, "users"), "5 of 10 users"],
    [amount(5, undefined, ""), "5"],
    [amount(5e6, 1e7, "bytes"), "5.0 MB of 10.0 MB"],
  ])("%s is %s", (text, expected) => expect(text).toBe(expected));
});

describe("tables", () => {
  test("columns are as wide as their widest cell, numbers stand at the right", () => {
    const table = textTable(
      [{ title: "name" }, { title: "n", right: true }],
      [
        ["a", "1"],
        ["longer", "22"],
      ],
    );
    expect(table).toBe("name     n\na        1\nlonger  22");
  });

  test("an empty table is its heading", () => {
    expect(textTable([{ title: "name" }], [])).toBe("name");
  });

  test("wide characters take two places, a title that is too long is cut", () => {
    expect(
      textTable(
        [{ title: "t", max: 5 }, { title: "n" }],
        [
          ["日本", "1"],
          ["abcdef", "2"],
        ],
      ),
    ).toBe("t      n\n日本   1\nabcd…  2");
  });

  test("a title cannot move the cursor or turn the line around", () => {
    expect(printable("a\u001b[2Jb\u202Ec\nd")).toBe("a [2Jb c d");
  });

  test("an evaluation is one line a system, an interval that is not known says so", () => {
    const scores = {
      "hr@10": 0.25,
      "hr@10±": 0.0123,
      "ndcg@10": 0.1418,
      "ndcg@10±": 0.01,
      "recall@100": 0.5,
      "recall@100±": Infinity,
      "recall@500": 1,
      "recall@500±": 0,
      coverage: 0.123,
      seconds: 1.26,
    };
    expect(
      evaluationTable([
        { name: "popular", ...scores, adds: 0.0123 },
        { name: "two-stage", ...scores, adds: null },
      ]).split("\n"),
    ).toEqual([
      "system              HR@10         NDCG@10      Recall@100      Recall@500    adds  coverage  seconds",
      "popular    0.2500 ±0.0123  0.1418 ±0.0100  0.5000 ±   n/a  1.0000 ±0.0000  0.0123    12.3 %      1.3",
      "two-stage  0.2500 ±0.0123  0.1418 ±0.0100  0.5000 ±   n/a  1.0000 ±0.0000            12.3 %      1.3",
    ]);
  });
});

describe("what stands out", () => {
  test("what is the same for all is left out, what differs most comes first, whatever its scale", () => {
    const items = [
      { same: 5, small: 0.001, large: 100 },
      { same: 5, small: 0.001, large: 200 },
      { same: 5, small: 0.001, large: 300 },
      { same: 5, small: 0.002, large: 200 },
    ];
    const [first, , , last] = standingOut(items, 5);
    expect(first!.map(({ name }) => name)).toEqual(["large", "small"]);
    expect(last![0]).toMatchObject({ name: "small", value: 0.002, deviations: Math.sqrt(3) });
    expect(standingOut(items, 1)[0]).toHaveLength(1);
  });

  test("one item alone has nothing that stands out, and NaN does not either", () => {
    expect(standingOut([{ a: 1 }], 5)).toEqual([[]]);
    expect(standingOut([{ a: Number.NaN }, { a: 1 }, { a: 2 }], 5)[0]).toEqual([]);
    expect(standingOut([], 5)).toEqual([]);
  });
});

describe("a recommendation", () => {
  const answer: Recommendation = {
    request: "r" as RequestId,
    user: "u1" as UserId,
    arms: [],
    items: [
      {
        item: "v1" as ItemId,
        position: 0,
        score: 0.5,
        facts: { title: "One" },
        why: {
          sources: [{ name: "als", rank: 0, score: 0.75 }],
          heads: [{ name: "engage", value: 0.25, weight: 1 }],
          rankBeforePolicy: 2,
          features: { "item.age": 1, "provenance.als": 1 },
        },
      },
      {
        item: "v2" as ItemId,
        position: 1,
        score: 0.25,
        why: { sources: [], heads: [], rankBeforePolicy: 0, features: { "item.age": 3 } },
      },
    ],
    rung: "full",
    personal: true,
    reasons: [],
    bundle: "abc" as BundleId,
    offset: 7 as Offset,
    trace: { ms: 1.25 as Ms, budgetMs: 50 as Ms, stages: [], sources: [] },
    whyNot: [{ item: "v9" as ItemId, stage: "filter", reason: "It was seen." }],
  };

  test("is a table with what found each item, what was predicted and what stands out", () => {
    expect(recommendationText(answer)).toBe(
      [
        "2 items for u1, personal, rung full, bundle abc, log offset 7, 1.3 of 50 ms",
        "",
        "#  item  title   score",
        "1  v1    One    0.5000",
        "      found by    als #1 (0.75)",
        "      predicted   engage 0.25 × 1",
        "      stands out  item.age 1 (-1.0 sd)",
        "      rank before the policy: 3",
        "2  v2           0.2500",
        "      found by    no source",
        "      stands out  item.age 3 (+1.0 sd)",
        "      rank before the policy: 1",
        "",
        "not v9, lost in filter: It was seen.",
      ].join("\n"),
    );
  });

  test("without items, the reason says why", () => {
    const { whyNot: _, ...rest } = answer;
    const text = recommendationText({
      ...rest,
      items: [],
      personal: false,
      reasons: ["no_candidates"],
      bundle: null,
    });
    expect(text).toContain("0 items for u1, not personal, rung full, no bundle");
    expect(text).toContain("  no_candidates: Every item is filtered out.");
  });
});

describe("lines to paste", () => {
  const next = {
    url: "http://127.0.0.1:1",
    user: "u'1",
    item: "v 1",
    program: "npx upnext --dir 'my data'",
    keyed: false,
  };

  test("are shell that parses, whatever the ids are", () => {
    const lines = tryNextText(next).split("\n");
    expect(() => execFileSync("sh", ["-n"], { input: lines.join("\n") })).not.toThrow();
    expect(lines.join("\n")).toContain("--dir 'my data'");
    expect(lines.join("\n")).toContain("user=u%271&");
  });

  test("the posted event is JSON with the very ids", () => {
    const body = /-d '(.*?)' \|/.exec(tryNextText(next))?.[1];
    expect(JSON.parse(body!)).toMatchObject({ user: "u'1", item: "v 1", type: "watch" });
  });

  test("carry the key where the server asks for one", () => {
    expect(tryNextText({ ...next, keyed: true })).toContain("authorization: Bearer $UPNEXT_KEY");
  });

  test("quote what the shell would take apart, and name the program as it was called", () => {
    expect([quoted("a-b/c.d"), quoted("a b"), quoted("it's")]).toEqual(["a-b/c.d", "'a b'", "'it'\\''s'"]);
    expect(programName("/p/dist/cli/main.js", "/p")).toBe("node dist/cli/main.js");
    expect(programName("/p/node_modules/.bin/upnext", "/p")).toBe("npx upnext");
    expect(programName("/other/dist/cli/main.js", "/p")).toBe("node /other/dist/cli/main.js");
  });
});

describe("progress in lines", () => {
  function lines() {
    const clock = new ManualClock();
    const written: string[] = [];
    return { clock, written, progress: progressLines((line) => written.push(line), clock) };
  }

  test("a step that is over at once leaves no trace", () => {
    const { clock, written, progress } = lines();
    progress.step("quick", 10, "rows");
    clock.advance(299);
    progress.update(10);
    progress.end();
    progress.end();
    expect(written).toEqual([]);
  });

  test("a long step begins, goes on every five seconds, and ends with its time", () => {
    const { clock, written, progress } = lines();
    progress.step("slow", 1000, "rows");
    for (let i = 1; i <= 12; i++) {
      clock.advance(1000);
      progress.update(i * 80);
    }
    progress.step("next");
    expect(written).toEqual([
      "slow … 1,000 rows",
      "slow: 480 of 1,000 rows, 6.0 s",
      "slow: 880 of 1,000 rows, 11.0 s",
      "slow: done, 1,000 rows, 12.0 s",
    ]);
    progress.stop();
  });

  test("a step that is broken off is not called done", () => {
    const { clock, written, progress } = lines();
    progress.step("slow");
    clock.advance(400);
    progress.update(1);
    progress.stop();
    progress.end();
    expect(written).toEqual(["slow …"]);
  });
});

describe("progress in bars", () => {
  test("the cursor is given back however the step ends", () => {
    for (const ending of ["end", "stop"] as const) {
      const clock = new ManualClock();
      const stream = Object.assign(new PassThrough(), {
        isTTY: true,
        columns: 100,
        cursorTo() {},
        clearLine() {},
      });
      const progress = progressBars(stream as unknown as NodeJS.WriteStream, clock);
      progress.step("slow", 10, "rows");
      clock.advance(400);
      progress.update(5);
      expect(String(stream.read())).toContain("\u001b[?25l");
      progress[ending]();
      expect(String(stream.read())).toContain("\u001b[?25h");
    }
  });
});

describe("failures", () => {
  function said(error: unknown, debug = false) {
    let text = "";
    const code = report(
      error,
      (line) => {
        text += line;
      },
      debug,
    );
    return { code, text };
  }

  test("a known one has its code, no stack, and its cause only when debugging", () => {
    const error = new UpnextError("log_locked", "log: in use", { cause: new Error("deep") });
    expect(said(error)).toEqual({
      code: 1,
      text: "error log_locked: log: in use\n  see docs/errors.md#log_locked\n",
    });
    expect(said(error, true).text).toContain("caused by Error: deep");
  });

  test("an unknown one is one line, and its stack only when debugging", () => {
    expect(said(new Error("oops\nmore"))).toEqual({
      code: 1,
      text: "error internal: oops\n  This is a bug. UPNEXT_DEBUG=1 shows where it happened.\n",
    });
    expect(said(new Error("oops"), true).text).toMatch(/^ +at /m);
    expect(said("text").text).toContain("error internal: text");
  });
});
