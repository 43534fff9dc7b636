/** Quality against cost: a point for each rung of rankers, its interval, the objective as a line, the choice marked. */
import type { Tradeoffs } from "../api.ts";
import { ms, words } from "../format.ts";

export type Cost = "p99Ms" | "cpuMs";

const W = 760;
const H = 420;
const LEFT = 64;
const RIGHT = 24;
const TOP = 24;
const BOTTOM = 48;
/** Right of it, names stand to the left of their points. */
const FLIP = 0.72 * W;

export function Frontier({ tradeoffs, cost }: { readonly tradeoffs: Tradeoffs; readonly cost: Cost }) {
  const { rungs, metric, objective, chosen } = tradeoffs;
  const shown = rungs.filter(({ quality }) => quality !== null);
  const qualities = shown.flatMap(({ quality }) => [quality!.lower, quality!.upper]);
  const costs = shown.flatMap((rung) => [rung[cost].lower, rung[cost].upper]);
  const atMost = Math.max(...costs, cost === "p99Ms" ? objective.p99Ms * 1.1 : 0);
  const [low, high] = padded(Math.min(...qualities), Math.max(...qualities));
  const x = (value: number) => LEFT + (value / atMost) * (W - LEFT - RIGHT);
  const y = (value: number) => H - BOTTOM - ((value - low) / (high - low)) * (H - TOP - BOTTOM);
  return (
    <svg
      class="frontier"
      viewBox={`0 0 ${W} ${H}`}
      role="img"
      aria-label={`${metric} against ${titleOf(cost)} of each rung`}
    >
      {ticks(low, high).map((value) => (
        <g key={value}>
          <path class="grid" d={`M${LEFT} ${y(value)}H${W - RIGHT}`} />
          <text class="tick" x={LEFT - 10} y={y(value) + 4} text-anchor="end">
            {value.toFixed(3)}
          </text>
        </g>
      ))}
      {ticks(0, atMost).map((value) => (
        <text key={value} class="tick" x={x(value)} y={H - BOTTOM + 20} text-anchor="middle">
          {value === 0 ? "0" : ms(value)}
        </text>
      ))}
      <text class="axis" x={W - RIGHT} y={H - 6} text-anchor="end">
        {titleOf(cost)}
      </text>
      <text class="axis" x={LEFT} y={TOP - 8}>
        {metric}
      </text>
      {cost === "p99Ms" && (
        <g>
          <path class="objective" d={`M${x(objective.p99Ms)} ${TOP}V${H - BOTTOM}`} />
          <text class="objective-name" x={x(objective.p99Ms) - 6} y={TOP + 12} text-anchor="end">
            objective {ms(objective.p99Ms)}
          </text>
        </g>
      )}
      {shown.map((rung) => {
        const { name, quality } = rung;
        const [px, py] = [x(rung[cost].value), y(quality!.value)];
        return (
          <g key={name} class={name === chosen ? "rung chosen" : "rung"}>
            <path
              d={`M${px} ${y(quality!.lower)}V${y(quality!.upper)}M${x(rung[cost].lower)} ${py}H${x(rung[cost].upper)}`}
            />
            <circle cx={px} cy={py} r={name === chosen ? 7 : 5} />
            <text x={px > FLIP ? px - 11 : px + 11} y={py - 9} text-anchor={px > FLIP ? "end" : "start"}>
              {words(name)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

export function titleOf(cost: Cost): string {
  return cost === "p99Ms" ? "P99 of a request" : "CPU time of a request";
}

function padded(low: number, high: number): readonly [number, number] {
  const room = (high - low || 0.01) * 0.15;
  return [Math.max(0, low - room), high + room];
}

/** Some four round numbers between two. */
function ticks(low: number, high: number): readonly number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(value);
  return found;
}
