/** The console's own signs: lines of 1.6 in a square of 20. */

const PATHS = {
  feed: "M3 4.5h6v5H3zM11 4.5h6v5h-6zM3 11.5h6v4H3zM11 11.5h6v4h-6z",
  why: "M7.4 7.2a2.7 2.7 0 1 1 3.9 2.5c-.9.5-1.3 1-1.3 2M10 14.6v.1M17.5 10a7.5 7.5 0 1 1-15 0 7.5 7.5 0 0 1 15 0z",
  system:
    "M2.5 4h5v4h-5zM12.5 4h5v4h-5zM7.5 12h5v4h-5zM7.5 6h5M15 8v3.5a2.5 2.5 0 0 1-2.5 2.5M5 8v3.5A2.5 2.5 0 0 0 7.5 14",
  tradeoffs: "M3 3v14h14M6 13.5c2-6 5-8 10-8.5M6.5 9.5v.1M10.5 8.5v.1M14.5 12v.1",
  training: "M3 15.5c4 0 4-9 7-9s3 4 7 4M3 17.5h14M10 3v1",
  experiments:
    "M8 2.5v5.200L3.400 15.500a1.400 1.400 0 0 0 1.200 2.100h10.800a1.400 1.400 0 0 0 1.200-2.100L12 7.700V2.500M6.500 2.500h7M5.800 12.500h8.400",
  explore: "M14 14l3.5 3.5M16 9A7 7 0 1 1 2 9a7 7 0 0 1 14 0z",
  play: "M7 5l8 5-8 5z",
  like: "M10 16.5S3 12.6 3 7.9A3.4 3.4 0 0 1 10 6.500 3.400 3.400 0 0 1 17 7.900C17 12.600 10 16.500 10 16.500z",
  dismiss: "M5 5l10 10M15 5L5 15",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
  moon: "M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z",
  shuffle: "M3 6h3l7 8h4M3 14h3l2-2.300M11.500 8L13 6h4M15 4l2 2-2 2M15 12l2 2-2 2",
  plus: "M10 4v12M4 10h12",
  right: "M4 10h12M12 6l4 4-4 4",
  up: "M10 15V5M6 9l4-4 4 4",
  down: "M10 5v10M6 11l4 4 4-4",
  check: "M4 10.500l4 4 8-9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
