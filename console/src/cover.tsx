/**
 * A cover for an item that has none: drawn from its id, coloured by its category. The same item always has the same
 * cover, on every page and every machine.
 */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { memo } from "./memo.ts";

const W = 320;
const H = 180;

/** Hues of OKLCH that can be told apart side by side. */
const HUES = [262, 12, 152, 320, 68, 205, 345, 118, 235, 40, 180, 292] as const;

export function hueOf(category: string | undefined): number {
  return HUES[hash(category ?? "") % HUES.length]!;
}

interface CoverProps {
  readonly id: string;
  readonly category: string | undefined;
}

export const Cover = memo(({ id, category }: CoverProps) => {
  const random = randomOf(id);
  const hue = hueOf(category);
  const paint = paintOf(hue, random);
  const scene = SCENES[Math.floor(random() * SCENES.length)]!;
  // The same cover may stand in several places.
  const gradient = useId();
  return (
    <svg class="cover" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <defs>
        <linearGradient id={gradient} x1="0" y1="0" x2={random() < 0.5 ? "1" : "0"} y2="1">
          <stop offset="0" stop-color={paint(0.56, 0.13)} />
          <stop offset="1" stop-color={paint(0.36, 0.11, 32)} />
        </linearGradient>
      </defs>
      <rect width={W} height={H} fill={`url(#${gradient})`} />
      {scene(random, paint)}
    </svg>
  );
});

/** A colour of the cover: lightness, chroma, and degrees away from its hue. */
type Paint = (light: number, chroma: number, turn?: number) => string;
type Scene = (random: () => number, paint: Paint) => JSX.Element | JSX.Element[];

function paintOf(hue: number, random: () => number): Paint {
  const lean = (random() - 0.5) * 24;
  return (light, chroma, turn = 0) => `oklch(${light} ${chroma} ${((hue + lean + turn) % 360).toFixed(0)})`;
}

const SCENES: readonly Scene[] = [hills, arcs, tiles, waves, discs, rays, halftone];

/** A sun over ranges of hills. */
function hills(random: () => number, paint: Paint) {
  const x = 60 + random() * 200;
  const sun = <circle cx={x} cy={50 + random() * 30} r={18 + random() * 18} fill={paint(0.9, 0.1, 50)} />;
  const ranges = [0, 1, 2].map((i) => {
    const base = 92 + i * 28;
    const phase = random() * 6;
    const reach = 24 - i * 4;
    const line = points(9, (t) => [
      t * W,
      base + Math.sin(phase + t * (3 + i * 1.7)) * reach + Math.sin(phase * 2 + t * 9) * 6,
    ]);
    return <path d={`M0 ${H}L${smooth(line)}L${W} ${H}Z`} fill={paint(0.48 - i * 0.1, 0.1, 14 * i)} />;
  });
  return [sun, ...ranges];
}

/** Quarter circles around a corner. */
function arcs(random: () => number, paint: Paint) {
  const [cx, cy] = [random() < 0.5 ? 0 : W, random() < 0.5 ? 0 : H];
  const rings = 6 + Math.floor(random() * 3);
  return Array.from({ length: rings }, (_, i) => (
    <circle
      cx={cx}
      cy={cy}
      r={(rings - i) * (230 / rings)}
      fill={i % 2 === 0 ? paint(0.55 + i * 0.04, 0.12, i * 9) : paint(0.36 + i * 0.02, 0.1, i * 5)}
    />
  ));
}

/** Squares with quarter circles, turned at will. */
function tiles(random: () => number, paint: Paint) {
  const size = 45;
  const made: JSX.Element[] = [];
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 8; x++) {
      if (random() < 0.25) continue;
      const turn = Math.floor(random() * 4) * 90;
      const light = 0.5 + random() * 0.35;
      made.push(
        <path
          d={`M0 0H${size}A${size} ${size} 0 0 1 0 ${size}Z`}
          transform={`translate(${x * size - 20} ${y * size}) rotate(${turn} ${size / 2} ${size / 2})`}
          fill={paint(light, 0.1, random() < 0.15 ? 120 : light * 30)}
        />,
      );
    }
  }
  return made;
}

/** Lines that swing together. */
function waves(random: () => number, paint: Paint) {
  const phase = random() * 6;
  const speed = 4 + random() * 5;
  return Array.from({ length: 9 }, (_, i) => {
    const line = points(14, (t) => [
      t * W,
      14 + i * 19 + Math.sin(phase + t * speed + i * 0.5) * (6 + 10 * Math.sin(t * 3.1)),
    ]);
    return (
      <path
        d={`M${smooth(line)}`}
        fill="none"
        stroke={paint(0.55 + i * 0.04, 0.12, i * 6)}
        stroke-width={3 + (i % 3) * 2.5}
        stroke-linecap="round"
      />
    );
  });
}

/** Large discs that overlap. */
function discs(random: () => number, paint: Paint) {
  return [0, 1, 2, 3].map((i) => (
    <circle
      cx={40 + random() * 240}
      cy={20 + random() * 140}
      r={34 + random() * 56}
      fill={paint(0.62 + i * 0.07, 0.13, i * 26 - 30)}
      opacity="0.72"
    />
  ));
}

/** Rays out of one point. */
function rays(random: () => number, paint: Paint) {
  const [cx, cy] = [random() * W, H + 10];
  const n = 18;
  const begin = random();
  const made = Array.from({ length: n }, (_, i) => {
    const from = ((i + begin) / n) * Math.PI * 2;
    const to = ((i + begin + 0.5) / n) * Math.PI * 2;
    const end = (angle: number) =>
      `${(cx + 420 * Math.cos(angle)).toFixed(1)} ${(cy + 420 * Math.sin(angle)).toFixed(1)}`;
    return (
      <path
        d={`M${cx.toFixed(1)} ${cy}L${end(from)}L${end(to)}Z`}
        fill={paint(0.6, 0.11, 20)}
        opacity="0.5"
      />
    );
  });
  return [...made, <circle cx={cx} cy={cy} r={52 + random() * 30} fill={paint(0.86, 0.11, 45)} />];
}

/** Dots that grow to one side. */
function halftone(random: () => number, paint: Paint) {
  const angle = random() * Math.PI * 2;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const made: JSX.Element[] = [];
  for (let y = 0; y < 9; y++) {
    for (let x = 0; x < 16; x++) {
      const [px, py] = [10 + x * 20, 10 + y * 20];
      const along = ((px - W / 2) * dx) / W + ((py - H / 2) * dy) / H + 0.5;
      made.push(
        <circle
          cx={px}
          cy={py}
          r={Math.max(1, along * 10).toFixed(1)}
          fill={paint(0.75, 0.12, 40 * along)}
        />,
      );
    }
  }
  return made;
}

type Point = readonly [x: number, y: number];

function points(n: number, at: (share: number) => Point): readonly Point[] {
  return Array.from({ length: n + 1 }, (_, i) => at(i / n));
}

/** A path through the points, without its first letter: quadratic curves between their middles. */
function smooth(line: readonly Point[]): string {
  const text = ([x, y]: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const middle = (a: Point, b: Point): Point => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const curves = line.slice(1, -1).map((point, i) => `Q${text(point)} ${text(middle(point, line[i + 2]!))}`);
  return `${text(line[0]!)}${curves.join("")}L${text(line.at(-1)!)}`;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/** Mulberry32, seeded with the text: the same numbers everywhere. */
function randomOf(text: string): () => number {
  let state = hash(text);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
