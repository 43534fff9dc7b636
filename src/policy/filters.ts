/** The filters, in the order in which they are applied and in which the first one that takes an item gives the reason. */
import type { Filter } from "./filter.ts";
import { blocked } from "./filters/blocked.ts";
import { excluded } from "./filters/excluded.ts";
import { hidden } from "./filters/hidden.ts";
import { notIncluded } from "./filters/not-included.ts";
import { notLive } from "./filters/not-live.ts";
import { otherCategory } from "./filters/other-category.ts";
import { seen } from "./filters/seen.ts";

/** `notLive` fills the mask and so is the first; the others only take away, in any order with the same result. */
export const FILTERS: readonly Filter[] = [
  notLive,
  blocked,
  hidden,
  seen,
  excluded,
  notIncluded,
  otherCategory,
];
