export { examination } from "./behaviour.ts";
export type { SimulationOptions } from "./options.ts";
export { simulate, simulateWorld } from "./simulate.ts";
export { createViewer, type Viewer, type ViewerAnswer, type ViewerOptions } from "./viewer.ts";
export { createWorld, type SimulationTruth, simulationTruth, type World } from "./world.ts";
