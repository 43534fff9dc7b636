/** What networks say of whole lists: the mean of their logits. */
import { setImmediate } from "node:timers/promises";
import { loadModel, type Model } from "../../tensor/index.ts";
import { type Batches, batchesOf } from "./batches.ts";
import type { RankingLists } from "./lists.ts";

export interface Predictor {
  /** (R, heads) for all rows of `lists`; those of lists that were not chosen are 0. */
  logits(lists: RankingLists, chosen: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

const THREADS = 2;

/** @param batches of the lists that will be asked for */
export async function openPredictor(models: readonly Uint8Array[], batches: Batches): Promise<Predictor> {
  const sessions: Model[] = [];
  for (const model of models) sessions.push(await loadModel(model, { threads: THREADS }));
  return {
    async logits(lists, chosen) {
      let out = new Float32Array(0);
      for (const some of batchesOf(lists, chosen)) {
        const width = batches.widest(some);
        for (const session of sessions) {
          const { logits } = await session.run(batches.inputs(some, session.inputNames));
          const data = logits!.data as Float32Array;
          const heads = data.length / (some.length * width);
          if (out.length === 0) out = new Float32Array(lists.items.length * heads);
          some.forEach((list, b) => {
            const first = lists.offsets[list]!;
            const n = (lists.offsets[list + 1]! - first) * heads;
            for (let i = 0, from = b * width * heads, to = first * heads; i < n; i++, from++, to++) {
              out[to] = out[to]! + data[from]! / sessions.length;
            }
          });
        }
        await setImmediate();
      }
      return out;
    },
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}
