export {
  type AlsFactors,
  type AlsFoldIn,
  type AlsFoldInOptions,
  type AlsOptions,
  alsFoldIn,
  fitAls,
} from "./als-kernel.ts";
export type { AveragingOptions } from "./averaging.ts";
export { bestOf, orderTies, type Selected } from "./best-of.ts";
export { calibrate } from "./calibrate.ts";
export { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
export { clusterRows, type RowGroups } from "./clusters.ts";
export { BLOCK_ROWS, ColumnBlock, columnOf } from "./column-block.ts";
export { compileServing, type Outputs, type ServingOptions, type Weights } from "./compile.ts";
export type { Dim, Shape } from "./dims.ts";
export { type DotRows, dotRows } from "./dot-rows.ts";
export type { SoftmaxTop, Top } from "./found-rows.ts";
export { gradients } from "./gradients.ts";
export { Graph, type GraphOptions, type Initializer, type Parameter, type Tensor } from "./graph.ts";
export { glorot, normal, ones, values, zeros } from "./initializers.ts";
export { type ItemIndex, type ItemSearch, type ItemSearchOptions, itemSearch } from "./item-search.ts";
export {
  type LinearSolver,
  type LinearSolverOptions,
  type LinearSystem,
  linearSolver,
} from "./linear-solver.ts";
export { ListSums, type Lists } from "./list-sums.ts";
export type { DType } from "./onnx-writer.ts";
export { type AttentionOptions, attention } from "./ops/attention.ts";
export { dropout } from "./ops/dropout.ts";
export {
  abs,
  add,
  and,
  cast,
  clip,
  div,
  equal,
  exp,
  gelu,
  greater,
  greaterOrEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  not,
  pow,
  relu,
  sigmoid,
  silu,
  softplus,
  sqrt,
  stopGradient,
  sub,
  tanh,
  where,
} from "./ops/elementwise.ts";
export {
  type FullSoftmaxOptions,
  fullSoftmax,
  type SampledSoftmaxOptions,
  sampledSoftmax,
} from "./ops/item-softmax.ts";
export {
  concat,
  expand,
  gather,
  reshape,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from "./ops/layout.ts";
export { matmul } from "./ops/matmul.ts";
export { layerNorm, rmsNorm } from "./ops/norm.ts";
export { approxNdcg, pairwiseLogistic } from "./ops/ranking-losses.ts";
export type { MatmulOptions } from "./ops/raw-matrix.ts";
export { max, mean, type ReduceOptions, sum, weightedMean } from "./ops/reduce.ts";
export {
  binaryCrossEntropy,
  logSoftmax,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyAt,
} from "./ops/softmax.ts";
export { type AdamWOptions, adamW, type Optimizer, type Update } from "./optimizer.ts";
export type { Part } from "./parts.ts";
export type { Ranges } from "./quantize.ts";
export { type Ranked, RankFusion } from "./rank-fusion.ts";
export type { SampledRows } from "./sampled-rows.ts";
export { type Schedule, warmupConstant, warmupCosine } from "./schedule.ts";
export { type ItemScorer, type ItemScorerOptions, itemScorer } from "./scorer.ts";
export { openScoringPool, type PoolFigures, type ScoringPool } from "./scoring-pool.ts";
export {
  type Device,
  type DeviceUsed,
  type Feeds,
  LIST,
  type LoadOptions,
  loadModel,
  type Model,
  type ModelLoader,
  type RunOptions,
  type Value,
} from "./session.ts";
export { SessionSums } from "./session-sums.ts";
export {
  type PlaceFeed,
  type PlaceRows,
  type Shortlist,
  unpackList,
  type VersionedFeed,
} from "./shortlist.ts";
export type { Notes } from "./snapshot.ts";
export {
  compileTraining,
  type StepResult,
  type Training,
  type TrainingOptions,
} from "./training.ts";
