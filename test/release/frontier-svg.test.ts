import { describe, expect, test } from "vitest";
import { costScale, qualityScale } from "../../src/release/frontier-scales.ts";
import { frontierSvg } from "../../src/release/frontier-svg.ts";
import { type Box, placeLabels } from "../../src/release/label-places.ts";
import { tradeoffsMarkdown } from "../../src/release/tradeoffs-markdown.ts";
import { costsTable, rungsTable } from "../../src/release/tradeoffs-tables.ts";
import { around, costOf, LADDER, madeTradeoffs, type RungSpec } from "./made-tradeoffs.ts";

const NUMBERS = /NaN|Infinity|undefined/;

describe("the picture", () => {
  const svg = frontierSvg(madeTradeoffs({ rungs: LADDER }));

  test("has every rung in both panels, the objective in one, and the choice marked", () => {
    for (const { name } of LADDER)
      expect(svg.match(new RegExp(`>${name}( ↓ [\\d.]+)?<`, "g"))).toHaveLength(2);
    expect(svg.match(/class="point( chosen)?"/g)).toHaveLength(2 * LADDER.length);
    expect(svg.match(/class="objective"/g)).toHaveLength(1);
    expect(svg.match(/class="label chosen"[^>]*>student</g)).toHaveLength(2);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toMatch(NUMBERS);
  });

  test("is drawn of one rung, of equal rungs, and of rungs without quality", () => {
    const rung: RungSpec = { name: "a <b> & c", quality: 0.5, p99: 20, cpu: 10 };
    for (const rungs of [[rung], [rung, { ...rung, name: "twin" }], [{ ...rung, quality: null }]] as const) {
      const drawn = frontierSvg(madeTradeoffs({ rungs: [...rungs] as [RungSpec, ...RungSpec[]] }));
      expect(drawn).not.toMatch(NUMBERS);
      expect(drawn).not.toContain("<b>");
    }
  });
});

describe("the axes", () => {
  test("leave out a rung far below the others, and only that", () => {
    const scale = qualityScale([0.3, 0.68, 0.7, 0.71].map((value) => around(value, 0.002)));
    expect(scale.share(0.3)).toBeLessThan(0);
    expect(scale.share(0.678)).toBeGreaterThan(0);
    expect(scale.share(0.712)).toBeLessThan(1);
    const all = qualityScale([0.66, 0.68, 0.7, 0.71].map((value) => around(value, 0.002)));
    expect(all.share(0.658)).toBeGreaterThan(0);
  });

  test("of costs are logarithmic, have the objective on them, and ticks within", () => {
    const scale = costScale([around(10, 1), around(20, 1)], 400);
    expect(scale.share(400)).toBeLessThan(1);
    expect(scale.share(20) - scale.share(10)).toBeCloseTo(scale.share(40) - scale.share(20), 9);
    expect(scale.ticks.length).toBeGreaterThan(3);
    for (const { value } of scale.ticks)
      expect(scale.share(value)).toBeCloseTo(Math.min(1, Math.max(0, scale.share(value))), 9);
    // What took no time that could be measured stands at the beginning.
    expect(costScale([around(0, 0), around(20, 1)], undefined).share(0)).toBe(0);
  });
});

test("labels cover neither points nor each other where there is room", () => {
  const within = { x: 0, y: 0, width: 400, height: 300 };
  const points = [
    { x: 100, y: 100 },
    { x: 108, y: 102 },
    { x: 104, y: 108 },
    { x: 395, y: 20 },
  ];
  const mark = ({ x, y }: { x: number; y: number }): Box => ({ x: x - 5, y: y - 5, width: 10, height: 10 });
  const boxes = placeLabels(
    points.map((point) => ({ ...point, mark: mark(point), width: 80, height: 14 })),
    points.map((point) => ({ ...mark(point), weight: 6 })),
    within,
  );
  const apart = (a: Box, b: Box) =>
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  boxes.forEach((box, i) => {
    expect(box.x >= 0 && box.x + box.width <= 400).toBe(true);
    for (const other of boxes.slice(i + 1)) expect(apart(box, other)).toBe(true);
    for (const point of points) expect(apart(box, mark(point))).toBe(true);
  });
});

describe("the tables and the page", () => {
  const otherCosts = () => [
    costOf(50, 20, { candidates: 1000, ranked: 1000, requests: 30 }),
    costOf(10, 3, { visits: 0 }),
    costOf(8, 2, { candidates: 50, ranked: 50 }),
  ];
  const made = madeTradeoffs({ rungs: LADDER, otherCosts });

  test("have a line a rung and a cell a column", () => {
    for (const { columns, rows } of [rungsTable(made), costsTable(made)]) {
      expect(rows).toHaveLength(LADDER.length);
      for (const row of rows) expect(row).toHaveLength(columns.length);
    }
    expect(rungsTable(made).rows.map((row) => row.at(-1))).toEqual([
      ...["beaten", "beaten", "beaten", "beaten", "serves", "no better", "too slow", "too slow"],
    ]);
  });

  test("tell no P99 of few requests, conditions in the order of what they ask", () => {
    const { columns, rows } = costsTable(made);
    expect(columns.map(({ title }) => title)).toEqual([
      "rung",
      "50 × 50",
      "500 × 50",
      "1000 × 50",
      "500 × 0",
    ]);
    expect(rows[0]![3]).toBe("24 / – / 20");
  });

  test("the page has the sentences, the picture and a reason for every rung", () => {
    const page = tradeoffsMarkdown(made, "tradeoffs.svg", "upnext tradeoffs");
    expect(page).toContain("](tradeoffs.svg)");
    expect(page).toContain("- The student serves: it meets the objective of 50 ms");
    for (const { name } of LADDER)
      expect(page).toMatch(new RegExp(`^- \`${name}\` \\(what ${name} is\\): `, "m"));
    expect(page).toContain(
      "Written by `upnext tradeoffs` on 2026-01-01 00:00 UTC: made, time:0.9; 100 users, 1 item, ",
    );
    expect(page).not.toMatch(NUMBERS);
  });
});
