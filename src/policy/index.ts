export type { Filter, FilterContext, FilterRules } from "./filter.ts";
export { FILTERS } from "./filters.ts";
export { buildMask, type RequestMask } from "./mask.ts";
export { applyPolicy, DEFAULT_POLICY, type PolicySettings, type Slate } from "./slate.ts";
