export { checkpointsIn } from "./checkpoints.ts";
export { type Evaluation, type EvaluationOptions, evaluate } from "./evaluate.ts";
export { DEFAULT_TRAIN, type TrainReport, type TrainSettings, train } from "./train.ts";
