/** Fits retrieval sources on the sequences of a history. */
import type { Catalog } from "../catalog/index.ts";
import { type Clock, Deadline, type Ms, type Progress, Random } from "../core/index.ts";
import type { Checkpoint, Columns, FittedSources, Sequences, Source } from "../retrieval/index.ts";
import type { Device } from "../tensor/index.ts";

export interface FitSettings {
  /** Facts of the items of the sequences. */
  readonly catalog: Catalog;
  readonly seed: number;
  readonly clock: Clock;
  /** For all sources together: each may take what those before it have left. */
  readonly budget: Ms;
  /** What was given for everything, this fit and others. */
  readonly timeBudget: Ms;
  readonly device?: Device | undefined;
  /** What the same sources kept on an older part of the same log. */
  readonly previous?: FittedSources;
  readonly progress: Progress;
  /** Of each source, by its name: where it goes on after it was killed. */
  readonly checkpoints?: ((source: string) => Checkpoint) | undefined;
}

export async function fitSources(
  sources: readonly Source[],
  sequences: Sequences,
  { catalog, seed, clock, budget, timeBudget, device, previous, progress, checkpoints }: FitSettings,
): Promise<FittedSources> {
  const deadline = new Deadline(clock, budget);
  const fitted: Record<string, Columns> = {};
  for (const source of sources) {
    if (source.fit === undefined) continue;
    const before = previous?.[source.name];
    fitted[source.name] = await source.fit({
      sequences,
      catalog,
      random: new Random(`${seed}/${source.name}`),
      progress,
      clock,
      budget: Math.max(0, deadline.remaining()) as Ms,
      timeBudget,
      ...(device && { device }),
      ...(before && { previous: before }),
      ...(checkpoints && { checkpoint: checkpoints(source.name) }),
    });
  }
  return fitted;
}
