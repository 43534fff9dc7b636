/**
 * The plainest honest Recommender: the real log, catalog and state in memory, popularity as its only source. It keeps
 * every promise of the interface that HTTP passes on, and has no models.
 */
import { createCatalog } from "../../src/catalog/index.ts";
import {
  type BundleId,
  type Clock,
  type EventId,
  type ItemId,
  type Ms,
  type Offset,
  type RequestId,
  UpnextError,
  type UserId,
} from "../../src/core/index.ts";
import { type Event, memoryLog } from "../../src/events/index.ts";
import type {
  Reason,
  Recommendation,
  RecommendedItem,
  Recommender,
  RecommendRequest,
} from "../../src/pipeline/recommender.ts";
import { memoryStore } from "../../src/state/index.ts";

export interface PlainRecommender extends Recommender {
  readonly end: Offset;
  close(): Promise<void>;
}

export function plainRecommender(clock: Clock): PlainRecommender {
  const log = memoryLog();
  const catalog = createCatalog();
  const store = memoryStore();
  let requests = 0;

  async function append(events: readonly Event[]) {
    const from = log.end;
    const result = await log.append(events);
    for await (const batch of log.read(from)) {
      catalog.apply(batch);
      await store.apply(batch);
    }
    return result;
  }

  function popular(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < catalog.size; row++) if (catalog.items.live[row] === 1) rows.push(row);
    const { engagements } = catalog.statistics;
    return rows.sort((a, b) => engagements[b]! - engagements[a]! || a - b);
  }

  function factsOf(row: number) {
    const facts = catalog.factsOf(row);
    return facts === undefined ? {} : { facts };
  }

  async function recommend(request: RecommendRequest): Promise<Recommendation> {
    const { user, limit = 20, after = 0 as Offset } = request;
    if (after > log.end) {
      throw new UpnextError(
        "offset_ahead",
        `after: expected at most ${log.end}, got ${after}. Check the log.`,
      );
    }
    const state = await store.read(user);
    const seen = new Set(request.allowSeen === true ? [] : state.touches.map((touch) => touch.item));
    const allowed = (row: number): boolean => {
      const item = catalog.idOf(row);
      const categories = catalog.factsOf(row)?.categories ?? [];
      if (seen.has(item) || request.exclude?.includes(item) === true) return false;
      if (request.include !== undefined && !request.include.includes(item)) return false;
      return request.categories === undefined || request.categories.some((name) => categories.includes(name));
    };
    const items = popular()
      .filter(allowed)
      .slice(0, limit)
      .map((row, position): RecommendedItem => {
        const score = catalog.statistics.engagements[row]!;
        const item = { item: catalog.idOf(row), position, score, ...factsOf(row) };
        if (request.explain !== true) return item;
        const why = {
          sources: [{ name: "popular", rank: position, score }],
          heads: [{ name: "click", value: 0.5, weight: 1 }],
          rankBeforePolicy: position,
          features: { age: Number.NaN, popularity: score },
        };
        return { ...item, why };
      });
    const reasons: Reason[] = ["not_trained"];
    if (state.touches.length === 0) reasons.unshift("unknown_user");
    const requestId = request.request ?? (`r${requests++}` as RequestId);
    if (request.log !== false && items.length > 0) {
      const slots = items.map(({ item, position, score }) => ({ item, position, score }));
      const stamp = { id: `impression-${requestId}` as EventId, time: clock.now() };
      await append([{ kind: "impression", ...stamp, user, request: requestId, slots }]);
    }
    return {
      request: requestId,
      user,
      items,
      rung: "popular",
      personal: false,
      reasons,
      bundle: null as BundleId | null,
      offset: log.end,
      trace: {
        ms: 1.25 as Ms,
        budgetMs: request.budgetMs ?? (50 as Ms),
        stages: [
          { stage: "state", ms: 0.25 as Ms, in: 1, out: 1 },
          { stage: "rank", ms: 1 as Ms, in: items.length, out: items.length, fallback: "not_trained" },
        ],
        sources: [{ name: "popular", found: items.length, ms: 0.5 as Ms }],
      },
      ...(request.whyNot === undefined
        ? {}
        : {
            whyNot: request.whyNot.map((item) => ({ item, stage: "catalog", reason: "Not known." }) as const),
          }),
    };
  }

  return {
    get end() {
      return log.end;
    },
    track: (events) => append([events].flat() as Event[]),
    recommend,
    async similar(item: ItemId, limit = 20) {
      const row = catalog.rowOf(item);
      if (row === undefined) {
        throw new UpnextError("unknown_item", "item: expected an item of the catalog, got another id.");
      }
      const others = popular().filter((other) => other !== row);
      const items = others
        .slice(0, limit)
        .map((other) => ({ item: catalog.idOf(other), score: 1, ...factsOf(other) }));
      return { item, items, reasons: ["not_trained"] };
    },
    state: (user: UserId) => store.read(user),
    async forget(user: UserId) {
      const { touches } = await store.read(user);
      const time = clock.now();
      const erasure = { kind: "erasure", id: `erasure-${log.end}` as EventId, time, user } as const;
      const { offset } = await append([erasure]);
      return { user, time, offset, touches: touches.length, bundleMayReflectUser: false };
    },
    async status() {
      const ready = catalog.size > 0;
      const catalogCheck = ready
        ? ({ name: "catalog", level: "ok", message: "There are items." } as const)
        : ({ name: "catalog", level: "failure", message: "No item is known.", cure: "npm start" } as const);
      return {
        ready,
        checks: [catalogCheck, { name: "bundle", level: "warning", message: "Nothing is trained." }],
        log: { end: log.end, tail: null },
        catalog: { items: catalog.size, live: catalog.size, withoutFacts: 0, engagements: 0 },
        state: { store: store.name, applied: store.applied },
        bundle: null,
      };
    },
    async close() {
      await log.close();
      await store.close();
    },
  };
}
