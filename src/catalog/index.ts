export {
  type Catalog,
  HALF_LIVES_DAYS,
  type ItemColumns,
  type ItemStatistics,
  TREND_HALF_LIFE,
} from "./catalog.ts";
export { catalogDigest } from "./catalog-digest.ts";
export { withStatistics } from "./catalog-view.ts";
export { ItemCounters } from "./item-counters.ts";
export { createCatalog } from "./memory-catalog.ts";
