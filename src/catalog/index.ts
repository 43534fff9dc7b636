export {
  type Catalog,
  type CatalogImage,
  HALF_LIVES_DAYS,
  type ItemColumns,
  type ItemStatistics,
  TREND_HALF_LIFE,
} from "./catalog.ts";
export { catalogDigest } from "./catalog-digest.ts";
export { forgetInImage } from "./catalog-image.ts";
export { withStatistics } from "./catalog-view.ts";
export { ItemCounters } from "./item-counters.ts";
export { createCatalog, restoreCatalog } from "./memory-catalog.ts";
