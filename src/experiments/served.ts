/**
 * What a logged request says of the experiments that it was answered in, and of how long it took.
 *
 * It stands in the request that an impression keeps to be computed again, which is JSON and not fixed by the format of
 * the log: whoever reads a log without knowing of experiments reads these impressions as ever.
 */
import { z } from "zod";
import type { Ms } from "../core/index.ts";
import type { ServedArm } from "./experiment.ts";

export interface Served {
  readonly arms: readonly ServedArm[];
  readonly ms: Ms;
}

const KEY = "served";

const shape = z.object({
  arms: z.array(z.object({ experiment: z.string(), arm: z.string(), served: z.boolean() })),
  ms: z.number().transform((ms) => ms as Ms),
});

/** The request with what it was answered in; as it is where its user is in no experiment. */
export function withServed<T extends object>(request: T, { arms, ms }: Served): T {
  return arms.length === 0 ? request : { ...request, [KEY]: { arms, ms: Math.round(1_000 * ms) / 1_000 } };
}

/** Undefined where the user was in no experiment, or where somebody else has written the request. */
export function servedIn(request: unknown): Served | undefined {
  const served: unknown = Object(request)[KEY];
  return served === undefined ? undefined : shape.safeParse(served).data;
}
