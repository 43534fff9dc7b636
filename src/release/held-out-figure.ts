/** What a training has measured of both stages on the part that it held out, as the manifest keeps it. */
import type { Manifest } from "../registry/index.ts";

export interface HeldOutFigure {
  /** NDCG@10, with the half-width of its interval of 95 %. */
  readonly mean: number;
  readonly halfWidth: number;
  readonly examples: number;
}

/** null where nothing was measured. */
export function twoStageOf({ metrics }: Manifest): HeldOutFigure | null {
  const { systems, examples } = Object(metrics) as { systems?: unknown; examples?: unknown };
  const found: unknown = Array.isArray(systems) && systems.find((system) => system?.name === "two-stage");
  const { "ndcg@10": mean, "ndcg@10±": halfWidth } = Object(found) as Record<string, unknown>;
  if (typeof mean !== "number" || typeof halfWidth !== "number" || typeof examples !== "number") return null;
  return { mean, halfWidth, examples };
}
