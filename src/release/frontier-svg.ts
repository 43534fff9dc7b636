/**
 * The picture of the frontier: quality against P99 and against CPU, one point a rung with its intervals, the objective
 * as a line, the choice marked. Costs are on logarithmic axes; the stepped line joins the rungs than which none is both
 * better and cheaper. Readable in light and dark: colours are classes, and a page says which it prefers.
 */
import { costScale, qualityScale, type Scale } from "./frontier-scales.ts";
import { type Box, type Obstacle, placeLabels } from "./label-places.ts";
import type { Spread } from "./spread.ts";
import type { RungTradeoffs, Tradeoffs } from "./tradeoffs.ts";
import { digits } from "./wording.ts";

const WIDTH = 960;
const HEIGHT = 430;
/** Of the two panels, without their axes' numbers. */
const PANELS: readonly [Box, Box] = [
  { x: 72, y: 64, width: 396, height: 288 },
  { x: 548, y: 64, width: 396, height: 288 },
];
const LABEL_HEIGHT = 14;
/** Of a character at 12 px, near enough for any sans serif. */
const CHARACTER = 6.6;
const RADIUS = 5;
/** Labels that are farther from their point have a line that leads to them. */
const LEADS_FROM = 26;

const STYLE = `
    .page { fill: #ffffff; stroke: #d0d7de }
    .panel { fill: #f6f8fa; stroke: none }
    .grid { stroke: #d8dee4; stroke-width: 1 }
    .title { fill: #1f2328; font-size: 14px; font-weight: 600 }
    .axis { fill: #57606a; font-size: 11px }
    .label { fill: #1f2328; font-size: 12px; paint-order: stroke; stroke: #f6f8fa; stroke-width: 3px; stroke-linejoin: round }
    .label.chosen { fill: #0550ae; font-weight: 700 }
    .bar { stroke: #6e7781; stroke-width: 1.5 }
    .bar.chosen { stroke: #0969da }
    .point { fill: #6e7781; stroke: #f6f8fa; stroke-width: 1.5 }
    .point.chosen { fill: #0969da }
    .ring { fill: none; stroke: #0969da; stroke-width: 2 }
    .leader { stroke: #8c959f; stroke-width: .75 }
    .frontier { fill: none; stroke: #8c959f; stroke-width: 1.25; stroke-dasharray: 4 4 }
    .objective { stroke: #cf222e; stroke-width: 1.5 }
    .goal { fill: #b01c28; font-size: 11px }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #30363d }
      .panel { fill: #161b22 }
      .grid { stroke: #2b323b }
      .title { fill: #e6edf3 }
      .label { fill: #e6edf3; stroke: #161b22 }
      .axis { fill: #9da7b3 }
      .label.chosen { fill: #79c0ff }
      .bar { stroke: #8b949e }
      .bar.chosen { stroke: #58a6ff }
      .point { fill: #8b949e; stroke: #161b22 }
      .point.chosen { fill: #58a6ff }
      .ring { stroke: #58a6ff }
      .leader { stroke: #6e7681 }
      .frontier { stroke: #6e7681 }
      .objective { stroke: #ff7b72 }
      .goal { fill: #ff9a93 }
    }`;

export function frontierSvg(tradeoffs: Tradeoffs): string {
  const { rungs, metrics, objective, choice } = tradeoffs;
  const [metric] = metrics;
  const drawn = rungs.flatMap((rung) => {
    const quality = rung.quality[metric];
    return quality === undefined ? [] : [{ rung, quality }];
  });
  const scale = qualityScale(drawn.map(({ quality }) => quality));
  const points = (costOf: (rung: RungTradeoffs) => Spread) =>
    drawn.map(({ rung, quality }) => ({
      name: rung.name,
      cost: costOf(rung),
      quality,
      chosen: rung.name === choice.rung,
    }));
  const condition = `${objective.candidates} candidates, ${objective.visits} visits`;
  const [left, right] = PANELS;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title about" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">
  <title id="title">Quality against latency and CPU time of each rung</title>
  <desc id="about">${escaped(aboutOf(tradeoffs))}</desc>
  <style>${STYLE}
  </style>
  <rect class="page" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>
${panel({
  box: left,
  title: `${metric} against P99 of the whole request`,
  axis: `P99 in ms (${condition})`,
  scale,
  points: points(({ cost }) => cost.p99Ms),
  objective: objective.p99Ms,
})}
${panel({
  box: right,
  title: `${metric} against CPU time of a request`,
  axis: `CPU in ms (${condition})`,
  scale,
  points: points(({ cost }) => cost.cpuMs),
})}
  <text class="axis" x="16" y="${HEIGHT - 16}">Bars: intervals of 95 % for quality and P99, all rounds for CPU. Dashed: no rung is both better and cheaper.</text>
</svg>
`;
}

function aboutOf({ rungs, metrics, choice, objective }: Tradeoffs): string {
  const [metric] = metrics;
  const each = rungs.map(
    ({ name, quality, cost }) =>
      `${name}: ${metric} ${quality[metric]?.value.toFixed(4) ?? "not measured"}, P99 ${digits(cost.p99Ms.value)} ms, CPU ${digits(cost.cpuMs.value)} ms`,
  );
  return `${each.join("; ")}. The objective is a P99 of ${objective.p99Ms} ms; ${choice.rung} serves.`;
}

interface Point {
  readonly name: string;
  readonly cost: Spread;
  readonly quality: Spread;
  readonly chosen: boolean;
}

interface Panel {
  readonly box: Box;
  readonly title: string;
  readonly axis: string;
  readonly scale: Scale;
  readonly points: readonly Point[];
  readonly objective?: number;
}

/** A point with its bars in the picture. */
interface Dot extends Point {
  readonly x: number;
  readonly y: number;
  /** The point and its bars. */
  readonly mark: Box;
}

function panel({ box, title, axis, scale, points, objective }: Panel): string {
  const costs = costScale(
    points.map(({ cost }) => cost),
    objective,
  );
  const x = (cost: number) => box.x + box.width * costs.share(cost);
  const y = (quality: number) => box.y + box.height * (1 - clamp(scale.share(quality), 0, 1));
  const dots = points
    .map((point): Dot => {
      const at = { x: x(point.cost.value), y: y(point.quality.value) };
      const reach = RADIUS + (point.chosen ? 4 : 1);
      const left = Math.min(x(point.cost.lower), at.x - reach);
      const top = Math.min(y(point.quality.upper), at.y - reach);
      const width = Math.max(x(point.cost.upper), at.x + reach) - left;
      const height = Math.max(y(point.quality.lower), at.y + reach) - top;
      return { ...point, ...at, mark: { x: left, y: top, width, height } };
    })
    // What is drawn last lies above the others.
    .sort((a, b) => Number(a.chosen) - Number(b.chosen));
  const line = objective === undefined ? undefined : x(objective);
  const bottom = box.y + box.height;
  return [
    `  <text class="title" x="${box.x}" y="${box.y - 24}">${escaped(title)}</text>`,
    `  <rect class="panel" x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}"/>`,
    ...scale.ticks.map(({ value, text }) => {
      const at = y(value);
      return `  <path class="grid" d="M${box.x} ${place(at)}h${box.width}"/><text class="axis" x="${box.x - 8}" y="${place(at + 4)}" text-anchor="end">${text}</text>`;
    }),
    ...costs.ticks.map(({ value, text }) => {
      const at = place(x(value));
      return `  <path class="grid" d="M${at} ${box.y}v${box.height}"/><text class="axis" x="${at}" y="${bottom + 18}" text-anchor="middle">${text}</text>`;
    }),
    `  <text class="axis" x="${box.x + box.width / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(axis)}</text>`,
    ...(line === undefined ? [] : [objectiveLine(box, line, `objective ${digits(objective!)} ms`)]),
    `  <path class="frontier" d="${frontierPath(dots)}"/>`,
    ...dots.map((dot) => {
      const { cost, quality } = dot;
      return drawnDot(dot, [x(cost.lower), x(cost.upper)], [y(quality.upper), y(quality.lower)]);
    }),
    ...labels(dots, scale, box, line),
  ].join("\n");
}

function objectiveLine(box: Box, at: number, text: string): string {
  const toTheLeft = at + 6 * text.length > box.x + box.width;
  const anchor = toTheLeft ? ' text-anchor="end"' : "";
  return `  <path class="objective" d="M${place(at)} ${box.y}v${box.height}"/><text class="goal" x="${place(at)}" y="${box.y - 6}"${anchor}>${text}</text>`;
}

type Ends = readonly [number, number];

function drawnDot({ x, y, chosen }: Dot, [left, right]: Ends, [top, bottom]: Ends): string {
  const mark = chosen ? " chosen" : "";
  const circle = (kind: string, radius: number) =>
    `<circle class="${kind}" cx="${place(x)}" cy="${place(y)}" r="${radius}"/>`;
  const bars = `M${place(x)} ${place(top)}V${place(bottom)}M${place(left)} ${place(y)}H${place(right)}`;
  return `  <path class="bar${mark}" d="${bars}"/>${circle(`point${mark}`, RADIUS)}${chosen ? circle("ring", RADIUS + 4) : ""}`;
}

/** The point and its two bars. */
function obstaclesOf({ x, y, mark, chosen }: Dot): readonly Obstacle[] {
  const reach = RADIUS + (chosen ? 5 : 1);
  return [
    { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach, weight: 6 },
    { x: x - 2, y: mark.y, width: 4, height: mark.height, weight: 2 },
    { x: mark.x, y: y - 2, width: mark.width, height: 4, weight: 2 },
  ];
}

/** The choice's label takes its place first. */
function labels(dots: readonly Dot[], scale: Scale, box: Box, line: number | undefined): readonly string[] {
  const order = dots.toReversed();
  const texts = order.map(({ name, quality }) =>
    scale.share(quality.value) < 0 ? `${name} ↓ ${quality.value.toFixed(4)}` : name,
  );
  const boxes = placeLabels(
    order.map(({ x, y, mark, chosen }, i) => ({
      x,
      y,
      mark,
      width: texts[i]!.length * CHARACTER * (chosen ? 1.08 : 1),
      height: LABEL_HEIGHT,
    })),
    [
      ...dots.flatMap(obstaclesOf),
      ...(line === undefined ? [] : [{ x: line - 2, y: box.y, width: 4, height: box.height, weight: 1 }]),
    ],
    box,
  );
  return order.map(({ x, y, chosen }, i) => {
    const at = boxes[i]!;
    const end = { x: clamp(x, at.x, at.x + at.width), y: clamp(y, at.y, at.y + at.height) };
    const far = Math.hypot(end.x - x, end.y - y) > LEADS_FROM;
    const leader = far
      ? `<path class="leader" d="M${place(x)} ${place(y)}L${place(end.x)} ${place(end.y)}"/>`
      : "";
    return `  ${leader}<text class="label${chosen ? " chosen" : ""}" x="${place(at.x)}" y="${place(at.y + LABEL_HEIGHT - 3.5)}">${escaped(texts[i]!)}</text>`;
  });
}

/** Steps from the cheapest rung to the best, through those than which none is both better and cheaper. */
function frontierPath(dots: readonly Dot[]): string {
  const sorted = [...dots].sort((a, b) => a.x - b.x || a.y - b.y);
  const frontier = sorted.filter((dot, i) => sorted.slice(0, i).every(({ y }) => dot.y < y));
  return frontier
    .map(({ x, y }, i) => (i === 0 ? `M${place(x)} ${place(y)}` : `H${place(x)}V${place(y)}`))
    .join("");
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** A tenth of a pixel. */
function place(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
