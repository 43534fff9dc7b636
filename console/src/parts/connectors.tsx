/** Lines between boxes, wherever the page has put them. What flows along a line moves, as fast as there is much of it. */
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** From which side to which: `right` to `left`, or `bottom` to `top`. */
  readonly way: "right" | "down" | "up";
  /** What passes in a second; 0 where nothing does. */
  readonly rate: number;
}

/** Boxes side by side are joined at this depth, however tall they are. */
const LEVEL = 56;
/** So far from the right edge of a box a line comes down on it. */
const EDGE = 10;

interface Line {
  readonly key: string;
  readonly path: string;
  readonly rate: number;
}

/** @param area holds the boxes, each with its name in `data-box` */
export function Connectors({
  area,
  edges,
}: {
  readonly area: RefObject<HTMLElement | null>;
  readonly edges: readonly Edge[];
}) {
  const [layout, setLayout] = useState<ReadonlyMap<string, string>>(new Map());
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    const measure = () => setLayout(pathsOf(element, edges));
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    measure();
    return () => sizes.disconnect();
  }, [area, edges.map(({ from, to, way }) => from + to + way).join()]);
  const lines = edges.flatMap(({ from, to, rate }): Line[] => {
    const key = `${from} ${to}`;
    const path = layout.get(key);
    return path === undefined ? [] : [{ key, path, rate }];
  });
  return (
    <svg class="connectors" aria-hidden="true">
      <defs>
        <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M1 1l6 3-6 3" />
        </marker>
      </defs>
      {lines.map(({ key, path, rate }) => (
        <g key={key}>
          <path d={path} marker-end="url(#tip)" />
          {rate > 0 && (
            <path
              d={path}
              class="flow"
              style={{ animationDuration: `${Math.max(0.7, 6 / (1 + Math.log2(1 + rate))).toFixed(2)}s` }}
            />
          )}
        </g>
      ))}
    </svg>
  );
}

function pathsOf(area: HTMLElement, edges: readonly Edge[]): ReadonlyMap<string, string> {
  const origin = area.getBoundingClientRect();
  const boxes = new Map<string, DOMRect>();
  for (const box of area.querySelectorAll<HTMLElement>("[data-box]")) {
    boxes.set(box.dataset["box"]!, box.getBoundingClientRect());
  }
  return new Map(
    edges.flatMap(({ from, to, way }) => {
      const [a, b] = [boxes.get(from), boxes.get(to)];
      if (a === undefined || b === undefined) return [];
      return [[`${from} ${to}`, pathOf(a, b, way, origin)] as const];
    }),
  );
}

function pathOf(a: DOMRect, b: DOMRect, way: Edge["way"], origin: DOMRect): string {
  const at = (x: number, y: number) => `${(x - origin.left).toFixed(1)} ${(y - origin.top).toFixed(1)}`;
  if (way === "right") {
    const level = (box: DOMRect) => box.top + Math.min(box.height / 2, LEVEL);
    const [x1, y1, x2, y2] = [a.right, level(a), b.left - 2, level(b)];
    const middle = (x1 + x2) / 2;
    return `M${at(x1, y1)}C${at(middle, y1)} ${at(middle, y2)} ${at(x2, y2)}`;
  }
  const [y1, y2] = way === "down" ? [a.bottom, b.top - 2] : [a.top, b.bottom + 2];
  const x2 = way === "down" ? b.right - EDGE : b.left + b.width / 2;
  // Straight where it can be, so that it passes beside the title of the lane.
  const x1 = way === "down" && x2 > a.left && x2 < a.right ? x2 : a.left + a.width / 2;
  const middle = (y1 + y2) / 2;
  return `M${at(x1, y1)}C${at(x1, middle)} ${at(x2, middle)} ${at(x2, y2)}`;
}
