export { type Catalog, HALF_LIVES_DAYS, type ItemColumns, type ItemStatistics } from "./catalog.ts";
