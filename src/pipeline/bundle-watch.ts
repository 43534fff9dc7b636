/**
 * Keeps the registry's current bundle in service: looks for another one every two seconds and when asked, loads and
 * warms it beside the one that answers, then swaps. A bundle that is refused takes nothing down: the models in service
 * stay, and `problem` says why.
 */
import type { Catalog } from "../catalog/index.ts";
import type { BundleId, Clock, Ms } from "../core/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import type { Registry } from "../registry/index.ts";
import { ModelsInService } from "./in-service.ts";
import { type ServingModels, servingModels, untrainedModels } from "./serving-models.ts";

export interface WatchParts {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly metrics: Metrics | undefined;
  /** Called before a bundle is loaded: it may know items that the catalog has not seen yet. */
  readonly catchUp: () => Promise<void>;
  /** Answers a few requests with the models that nobody asked for. */
  readonly warmUp: (models: ServingModels) => Promise<void>;
}

/** How often another process's training is looked for. */
const REFRESH_MS = 2_000;
/** How long a bundle that was refused is left alone: reading it costs as much as a good one. */
const RETRY_MS = 60_000;

export class BundleWatch {
  readonly serving: ModelsInService;
  private readonly parts: WatchParts;
  /** The bundle that was refused last, when, and why. */
  private refused: { readonly id: BundleId | null; readonly at: Ms; readonly why: string } | undefined;
  private looking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  /** Swaps that wait for the last user of the models before. */
  private readonly retiring = new Set<Promise<void>>();

  private constructor(parts: WatchParts, models: ServingModels) {
    this.parts = parts;
    this.serving = new ModelsInService(models);
  }

  /** Serves the current bundle, or live statistics alone where there is none or it is refused. */
  static async begin(parts: WatchParts): Promise<BundleWatch> {
    const watch = new BundleWatch(parts, await untrainedModels(parts.catalog));
    await watch.refresh();
    watch.timer = setInterval(() => void watch.look(RETRY_MS), REFRESH_MS).unref();
    return watch;
  }

  /** Why the current bundle is not in service; null where it is, or where there is none. */
  get problem(): string | null {
    return this.refused?.why ?? null;
  }

  /** Looks now, also at a bundle that was refused before. */
  async refresh(): Promise<void> {
    // A look that is under way may have begun before the caller's bundle was there.
    await this.looking;
    await this.look(0);
  }

  /** Waits for requests under way, then closes the models. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.looking;
    await this.serving.close();
    await Promise.all(this.retiring);
  }

  /** Leaves a bundle alone that was refused less than `patience` ms ago. */
  private look(patience: number): Promise<void> {
    this.looking ??= this.takeUp(patience).finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async takeUp(patience: number): Promise<void> {
    if (this.closed) return;
    const { registry, catalog, clock, metrics, catchUp, warmUp } = this.parts;
    let current: BundleId | null = null;
    try {
      current = await registry.current();
      if (current !== (this.serving.models.bundle?.id ?? null)) {
        const { refused } = this;
        if (refused?.id === current && clock.monotonic() - refused.at < patience) return;
        await catchUp();
        const models =
          current === null
            ? await untrainedModels(catalog)
            : await servingModels(await registry.open(current), catalog);
        try {
          await warmUp(models);
        } catch (cause) {
          await models.close();
          throw cause;
        }
        this.replace(models);
        metrics?.setBundle(models.bundle);
      }
      this.refused = undefined;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.refused = { id: current, at: clock.monotonic(), why };
    }
  }

  private replace(models: ServingModels): void {
    const retired = this.serving.replace(models).finally(() => this.retiring.delete(retired));
    this.retiring.add(retired);
  }
}
