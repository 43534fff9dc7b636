export type { Arm, ExperimentStart, ServedArm } from "./experiment.ts";
export type { ExperimentDesk, ExperimentDetails, ExperimentOverview } from "./experiment-desk.ts";
export { type Assigned, Experiments } from "./experiments.ts";
export { METRICS } from "./outcomes.ts";
export { servedIn, withServed } from "./served.ts";
