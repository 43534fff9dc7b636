/** Fits retrieval sources on the sequences of a history. */
import { type Progress, Random, silent } from "../core/index.ts";
import type { Columns, FittedSources, Sequences, Source } from "../retrieval/index.ts";

export async function fitSources(
  sources: readonly Source[],
  sequences: Sequences,
  seed: number,
  progress: Progress,
): Promise<FittedSources> {
  const fitted: Record<string, Columns> = {};
  for (const source of sources) {
    if (source.fit === undefined) continue;
    progress.step(`fit ${source.name}`);
    fitted[source.name] = await source.fit({
      sequences,
      random: new Random(`${seed}/${source.name}`),
      progress: silent,
    });
  }
  return fitted;
}
