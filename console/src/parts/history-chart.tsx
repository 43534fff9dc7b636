/** Lines over the last minutes. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  readonly name: string;
  /** One for each time; null where there was nothing. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** Milliseconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly unit: string;
  /** What it shows, for who cannot see it. */
  readonly label: string;
}

const HEIGHT = 220;

export function HistoryChart({ times, lines, unit, label }: ChartProps) {
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
        series: [
          {},
          ...lines.map(({ name }, i) => ({
            label: name,
            stroke: strokes[i % strokes.length]!,
            width: 1.8,
            points: { show: false },
            value: (_: uPlot, value: number | null) =>
              value === null ? "–" : `${value.toFixed(unit === "" ? 4 : 1)} ${unit}`,
          })),
        ],
        axes: [
          { ...axis, space: 90, values: (_, ticks) => ticks.map(clockTime) },
          { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`) },
        ],
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 0.1)] } },
        cursor: { y: false },
      },
      dataOf(times, lines),
      element,
    );
    chart.current = made;
    const sizes = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }),
    );
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
    };
  }, [names, unit, theme]);
  useEffect(() => chart.current?.setData(dataOf(times, lines)), [times, lines]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function clockTime(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [times.map((time) => time / 1000), ...lines.map(({ values }) => [...values])];
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
