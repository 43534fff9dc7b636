export {
  type Catalog,
  type CatalogImage,
  HALF_LIVES_DAYS,
  type ItemColumns,
  type ItemStatistics,
  RATE_HALF_LIVES_DAYS,
  type Sums,
  TREND_HALF_LIFE,
} from "./catalog.ts";
export { catalogDigest } from "./catalog-digest.ts";
export { forgetInImage } from "./catalog-image.ts";
export { withStatistics } from "./catalog-view.ts";
export { ItemCounters } from "./item-counters.ts";
export {
  ANSWERED_AT,
  DECAYED,
  DECAYED_AT,
  LATELY,
  RECENT,
  RECORD,
  SHOWN_AT,
  VETOES,
} from "./item-record.ts";
export { ANSWERS, SHARE_UNIT, SHOWN, SUMS, TAKEN, WATCHED, WATCHES } from "./item-sums.ts";
export { createCatalog, restoreCatalog } from "./memory-catalog.ts";
export type { RowChanges } from "./row-changes.ts";
export { TALLIES, TALLIES_OF_ACTION } from "./tallies.ts";
