/** A network in 8 bits: ranges of what its layers pass on are taken from lists that it was trained on. */
import { rankingServing } from "../../models/index.ts";
import { calibrate, compileServing, Graph } from "../../tensor/index.ts";
import { type Batches, batchesOf } from "./batches.ts";
import type { FittedNetwork } from "./fit-network.ts";
import { inputNames } from "./fit-network.ts";
import type { RankingLists } from "./lists.ts";

/** Lists that ranges are taken from, evenly spread in time. */
const LISTS = 4_000;

export async function quantized(
  { shape, weights }: FittedNetwork,
  lists: RankingLists,
  learned: Int32Array,
  batches: Batches,
): Promise<Uint8Array> {
  const every = Math.max(1, Math.floor(learned.length / LISTS));
  const some = batchesOf(
    lists,
    learned.filter((_, i) => i % every === 0),
  );
  const names = inputNames(shape);
  const outputs = rankingServing(new Graph(), shape);
  const ranges = await calibrate(
    outputs,
    weights,
    some.map((chosen) => batches.inputs(chosen, names)),
  );
  return compileServing(outputs, weights, { int8: ranges });
}
