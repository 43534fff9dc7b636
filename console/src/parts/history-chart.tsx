/** Lines over the last minutes, or over what a training counts. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  readonly name: string;
  /** One for each time; null where there was nothing. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** Where each value stands, ascending. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly unit: string;
  /** What `at` counts: moments in milliseconds since 1970, seconds since a beginning, or epochs. */
  readonly along: "moments" | "seconds" | "epochs";
  /** What it shows, for who cannot see it. */
  readonly label: string;
}

const HEIGHT = 220;
/** Lines differ in more than their tone. */
const DASHES = [
  { dash: [], legend: "solid" },
  { dash: [6, 4], legend: "dashed" },
  { dash: [2, 3], legend: "dotted" },
] as const;

export function HistoryChart({ at, lines, unit, along, label }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const theme = useShownTheme();
  const names = lines.map(({ name }) => name).join();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const strokes = [colour("--tone-0"), colour("--tone-3"), colour("--tone-1")];
    const axis = {
      stroke: colour("--soft"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui",
    };
    const made = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height: HEIGHT,
        // Moments are in milliseconds.
        ms: 1,
        series: [
          {
            label: X_TITLES[along],
            value: (_: uPlot, x: number | null) => (x === null ? "" : X_TEXTS[along](x)),
          },
          ...lines.map(({ name }, i) => ({
            label: name,
            stroke: strokes[i % strokes.length]!,
            width: 1.8,
            dash: [...DASHES[i % DASHES.length]!.dash],
            points: { show: along !== "moments", size: 6 },
            value: (_: uPlot, value: number | null) =>
              value === null ? "–" : `${value.toFixed(unit === "" ? 4 : 1)} ${unit}`,
          })),
        ],
        axes: [
          {
            ...axis,
            space: along === "moments" ? 90 : 50,
            ...X_STEPS[along],
            values: (_, xs) => xs.map(X_TEXTS[along]),
          },
          { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`) },
        ],
        scales: {
          x: { time: along === "moments", ...X_SCALES[along] },
          y: {
            range: (_, low, high) =>
              along === "epochs"
                ? [low - (high - low) * 0.1, high + (high - low) * 0.1]
                : [0, Math.max(high * 1.1, 0.1)],
          },
        },
        cursor: { y: false },
        // The first entry is the horizontal axis.
        legend: { markers: { dash: (_, series) => DASHES[Math.max(0, series - 1) % DASHES.length]!.legend } },
      },
      dataOf(at, lines),
      element,
    );
    const newest = () => made.setLegend({ idx: made.data[0].length - 1 });
    element.addEventListener("mouseleave", newest);
    newest();
    chart.current = made;
    const sizes = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }),
    );
    sizes.observe(element);
    return () => {
      element.removeEventListener("mouseleave", newest);
      sizes.disconnect();
      made.destroy();
    };
  }, [names, unit, along, theme]);
  useEffect(() => {
    const shown = chart.current;
    if (shown === null) return;
    shown.setData(dataOf(at, lines));
    if (shown.cursor.idx == null) shown.setLegend({ idx: at.length - 1 });
  }, [at, lines]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

type Along = ChartProps["along"];
const X_TITLES: Readonly<Record<Along, string>> = { moments: "Time", seconds: "After", epochs: "Epoch" };
const X_TEXTS: Readonly<Record<Along, (x: number) => string>> = {
  moments: (ms) => new Date(ms).toLocaleTimeString("en-GB"),
  seconds: (seconds) => `${Math.round(seconds)} s`,
  epochs: String,
};
const X_STEPS: Readonly<Record<Along, object>> = {
  moments: { incrs: [1, 5, 10, 30, 60, 300].map((seconds) => seconds * 1000) },
  seconds: {},
  epochs: { incrs: [1, 2, 5, 10, 20] },
};
const X_SCALES: Readonly<Record<Along, object>> = {
  moments: {},
  seconds: {},
  epochs: { range: (_: uPlot, low: number, high: number) => [low - 0.2, high + 0.2] },
};

function dataOf(at: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...at], ...lines.map(({ values }) => [...values])];
}

/** Changes when the theme does: colours of a canvas have to be read anew. */
function useShownTheme(): string {
  const root = document.documentElement;
  const [theme, setTheme] = useState(root.dataset["theme"] ?? "");
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(root.dataset["theme"] ?? ""));
    observer.observe(root, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, [root]);
  return theme;
}
