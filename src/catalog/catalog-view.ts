/** The same items with other statistics: training replays the log in time with the facts as they are now. */
import type { Catalog, ItemStatistics } from "./catalog.ts";

export function withStatistics(catalog: Catalog, statistics: ItemStatistics): Catalog {
  return {
    name: catalog.name,
    get size() {
      return catalog.size;
    },
    get applied() {
      return catalog.applied;
    },
    moment: catalog.moment,
    get items() {
      return catalog.items;
    },
    get categoryNames() {
      return catalog.categoryNames;
    },
    get creatorNames() {
      return catalog.creatorNames;
    },
    get erasures() {
      return catalog.erasures;
    },
    get erasedThrough() {
      return catalog.erasedThrough;
    },
    statistics,
    rowOf: (item) => catalog.rowOf(item),
    idOf: (row) => catalog.idOf(row),
    factsOf: (row) => catalog.factsOf(row),
    hasFacts: (row) => catalog.hasFacts(row),
    userFacts: (user) => catalog.userFacts(user),
    factsTime: (user) => catalog.factsTime(user),
    apply: (batch) => catalog.apply(batch),
    image: () => catalog.image(),
  };
}
