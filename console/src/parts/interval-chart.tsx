/** A difference and its interval over time: a funnel that closes. On the scale of the ratio, where it is symmetric. */
import type { ExperimentDetails } from "../api.ts";
import { count } from "../format.ts";

const W = 760;
const H = 260;
const LEFT = 72;
const RIGHT = 16;
const TOP = 14;
const BOTTOM = 34;

interface ChartProps {
  readonly points: ExperimentDetails["history"];
  /** The smallest difference worth knowing of, drawn as two lines. */
  readonly smallest: number;
  readonly label: string;
}

export function IntervalChart({ points, smallest, label }: ChartProps) {
  const [first, last] = [points[0]!, points.at(-1)!];
  const most = rangeOf(points, smallest);
  const span = Math.max(1, last.time - first.time);
  const x = (time: number) => LEFT + ((time - first.time) / span) * (W - LEFT - RIGHT);
  const y = (value: number) => TOP + ((most - Math.log1p(value)) / (2 * most)) * (H - TOP - BOTTOM);
  const line = (of: "value" | "lower" | "upper", from = points) =>
    from.map((point) => `${x(point.time).toFixed(1)} ${y(point[of]).toFixed(1)}`).join("L");
  const decided = last.lower > 0 || last.upper < 0;
  return (
    <svg class="funnel" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label}>
      <clipPath id="funnel-inside">
        <rect x={LEFT} y={TOP} width={W - LEFT - RIGHT} height={H - TOP - BOTTOM} />
      </clipPath>
      {ticks(most).map((value) => (
        <g key={value}>
          <path class={value === 0 ? "zero" : "grid"} d={`M${LEFT} ${y(value)}H${W - RIGHT}`} />
          <text class="tick" x={LEFT - 8} y={y(value) + 4} text-anchor="end">
            {value > 0 ? "+" : value < 0 ? "−" : ""}
            {Math.abs(Math.round(1_000 * value) / 10)} %
          </text>
        </g>
      ))}
      <g clip-path="url(#funnel-inside)">
        <path class="worth" d={`M${LEFT} ${y(smallest)}H${W}M${LEFT} ${y(-smallest)}H${W}`} />
        <path
          class={decided ? "band decided" : "band"}
          d={`M${line("upper")}L${line("lower", [...points].reverse())}Z`}
        />
        <path class="estimate" d={`M${line("value")}`} />
        <circle class="estimate-now" cx={x(last.time)} cy={y(last.value)} r="4.5" />
      </g>
      <text class="tick" x={LEFT} y={H - 10}>
        {clock(first.time)}, {count(first.users)} users
      </text>
      <text class="tick" x={W - RIGHT} y={H - 10} text-anchor="end">
        {clock(last.time)}, {count(last.users)} users
      </text>
    </svg>
  );
}

/** Room for the interval as it is now and for what led to it; the wide ones of the beginning run out of the picture. */
function rangeOf(points: ChartProps["points"], smallest: number): number {
  const widthOf = ({ lower, upper }: ChartProps["points"][number]) =>
    Math.max(-Math.log1p(lower), Math.log1p(upper));
  const widths = points.map(widthOf).sort((a, b) => a - b);
  const usual = widths[Math.floor(0.7 * (widths.length - 1))]!;
  return Math.max(1.15 * usual, 1.2 * widthOf(points.at(-1)!), 1.5 * Math.log1p(smallest));
}

/** Differences that are easily said. */
const ROUND = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100];

/** Between two labels, in the units of the picture: they are larger on a phone. */
const APART = 30;

/** 0, and on each side the largest that fit and leave room for each other. */
function ticks(most: number): readonly number[] {
  const heightOf = (value: number) => (Math.log1p(value) / (2 * most)) * (H - TOP - BOTTOM);
  const shown = [0];
  for (const value of ROUND.toReversed().flatMap((each) => (each < 1 ? [each, -each] : [each]))) {
    if (Math.abs(Math.log1p(value)) > 0.95 * most) continue;
    if (shown.every((other) => Math.abs(heightOf(other) - heightOf(value)) >= APART)) shown.push(value);
  }
  return shown;
}

function clock(time: number): string {
  return new Date(time).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
