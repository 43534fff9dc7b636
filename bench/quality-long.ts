/** `quality` with a longer time for fitting: what the default gives away. */
import { run as runQuality } from "./quality.ts";

export { about } from "./quality.ts";

/** Of the hour that an evaluation may take on two cores, so much. */
const TIME = "15m";

/** Arguments: names of sets; the two with published results where there are none. */
export function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const names = args.length > 0 ? args : ["ml-1m", "amazon-beauty"];
  return runQuality([...names, "--time-budget", TIME]);
}
