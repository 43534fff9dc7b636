/**
 * Where an instance computes: its threads, what they have encoded of users, and what each ranker costs.
 */

import type { Catalog } from "../catalog/index.ts";
import type { Clock, Ms, UserId } from "../core/index.ts";
import {
  EncodeAhead,
  EncodingCache,
  type ModelsInService,
  type PathParts,
  RankingCost,
  type ServingModels,
  type StateRead,
} from "../pipeline/index.ts";
import { type ModelLoader, openScoringPool, type ScoringPool } from "../tensor/index.ts";
import { exercise } from "./warm-up.ts";

export interface ScoringParts {
  /** 0 for the caller's own thread. */
  readonly threads: number;
  /** What encodings of users may take. */
  readonly encodingBytes: number;
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly maxAge: Ms | undefined;
  readonly read: (user: UserId) => Promise<StateRead>;
}

export class Scoring {
  /** What each ranker has cost, by the models that have them. */
  private readonly costs = new WeakMap<ServingModels, RankingCost>();
  readonly encodings: EncodingCache;
  /** How networks are loaded; undefined for the caller's thread. */
  readonly load: ModelLoader | undefined;
  private readonly parts: ScoringParts;
  private readonly pool: ScoringPool | undefined;
  private ahead: EncodeAhead | undefined;
  private exercising: Promise<void> | undefined;

  constructor(parts: ScoringParts) {
    this.parts = parts;
    this.encodings = new EncodingCache(parts.encodingBytes);
    this.pool = parts.threads > 0 ? openScoringPool(parts.threads) : undefined;
    this.load = this.pool?.load;
  }

  /** From now on users are encoded when their events have been applied: on other threads, where there are any. */
  begin(serving: ModelsInService, modelsOf: (user: UserId) => ServingModels | undefined): void {
    const { pool } = this;
    if (pool === undefined) return;
    const { catalog, clock, maxAge, read } = this.parts;
    this.ahead = new EncodeAhead({
      cache: this.encodings,
      serving,
      modelsOf,
      catalog,
      clock,
      ...(maxAge !== undefined && { maxAge }),
      read,
      idle: () => pool.figures().waiting === 0,
    });
  }

  costOf(models: ServingModels): RankingCost {
    const cost = this.costs.get(models) ?? new RankingCost();
    this.costs.set(models, cost);
    return cost;
  }

  /** Events of these users were applied; of those who are gone nothing is kept. */
  applied(users: ReadonlySet<UserId>, gone: ReadonlySet<UserId>): void {
    for (const user of gone) this.encodings.forget(user);
    this.ahead?.applied(users);
  }

  /** Measures a ranker that requests had no time for and that nobody has measured for a while, beside the requests. */
  lookAgain(serving: ModelsInService, partsOf: (models: ServingModels) => PathParts): void {
    if (this.exercising !== undefined || !this.costOf(serving.models).overdue(this.parts.clock.monotonic()))
      return;
    const again = (models: ServingModels) => exercise(partsOf(models), ["full", "cheaper-ranker"]);
    this.exercising = serving
      .use(again)
      // What fails here fails for requests too, and is counted there.
      .catch(() => {})
      .finally(() => {
        this.exercising = undefined;
      });
  }

  figures() {
    return { encodings: this.encodings.figures(), threads: this.pool?.figures() };
  }

  /** Ends what nobody waits for; the threads stay until `close`. */
  async rest(): Promise<void> {
    await this.ahead?.close();
    await this.exercising;
  }

  async close(): Promise<void> {
    await this.pool?.close();
  }
}
