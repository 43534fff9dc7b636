/**
 * Keeps the registry's current bundle in service: looks for another one every two seconds and when asked, loads and
 * warms it beside the one that answers, then swaps. The one before stays loaded while there is memory for it, so that
 * the way back takes no time. A bundle that is refused takes nothing down: the models in service stay, and `problem`
 * says why. Bundles that experiments answer with are held beside it, whichever is in service.
 */
import type { Catalog } from "../catalog/index.ts";
import type { BundleId, Clock, Ms } from "../core/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import type { ModelLoader } from "../ranking/index.ts";
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
  /** How networks are loaded; into the caller's thread where undefined. */
  readonly load: ModelLoader | undefined;
  /** Answers a few requests with the models that nobody asked for. */
  readonly warmUp: (models: ServingModels) => Promise<void>;
  /** Whether there is memory for models that nobody is answered with. */
  readonly hasRoom: () => boolean;
  /** Bundles that are to be loaded whichever is in service. Asked at every look. */
  readonly wanted: () => Promise<readonly BundleId[]>;
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
  /** Those in service before, loaded and warm. */
  private previous: ServingModels | undefined;
  /** Those that are wanted beside both, and why others are not there. */
  private readonly held = new Map<BundleId, ServingModels>();
  private readonly lost = new Map<BundleId, { readonly at: Ms; readonly cause: unknown }>();
  private wanted: readonly BundleId[] = [];
  /** Models out of service that wait for their last user. */
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

  /** The models of a bundle that is loaded; undefined where it is not. */
  modelsOf(id: BundleId): ServingModels | undefined {
    const loaded = [this.serving.models, this.previous].find((models) => models?.bundle?.id === id);
    return loaded ?? this.held.get(id);
  }

  /** What kept a wanted bundle from being loaded; undefined where nothing did. */
  failureOf(id: BundleId): unknown {
    return this.modelsOf(id) === undefined ? this.lost.get(id)?.cause : undefined;
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
    this.wanted = [];
    this.keep(undefined);
    this.letGo();
    await this.serving.retire(this.serving.models);
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
    const { registry, clock, metrics, hasRoom } = this.parts;
    if (this.previous !== undefined && !hasRoom()) this.keep(undefined);
    await this.hold(patience);
    let current: BundleId | null = null;
    try {
      current = await registry.current();
      if (current !== (this.serving.models.bundle?.id ?? null)) {
        const { refused } = this;
        if (refused?.id === current && clock.monotonic() - refused.at < patience) return;
        const kept = current === null ? undefined : this.modelsOf(current);
        const models = kept ?? (await this.load(current));
        this.replace(models);
        metrics?.setBundle(models.bundle);
      }
      this.refused = undefined;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.refused = { id: current, at: clock.monotonic(), why };
    }
  }

  /** Loaded, verified and warm. */
  private async load(id: BundleId | null): Promise<ServingModels> {
    const { registry, catalog, catchUp, load, warmUp } = this.parts;
    await catchUp();
    const models =
      id === null
        ? await untrainedModels(catalog)
        : await servingModels(await registry.open(id), catalog, load);
    try {
      await warmUp(models);
    } catch (cause) {
      await models.close();
      throw cause;
    }
    return models;
  }

  /** Loads what is wanted and not there yet, and lets go what is wanted no more. */
  private async hold(patience: number): Promise<void> {
    const { clock, hasRoom, wanted } = this.parts;
    this.wanted = await wanted();
    this.letGo();
    for (const id of this.wanted) {
      if (this.modelsOf(id) !== undefined) continue;
      const lost = this.lost.get(id);
      if (lost !== undefined && clock.monotonic() - lost.at < patience) continue;
      try {
        if (!hasRoom()) throw new Error("there is no memory for one more bundle");
        this.held.set(id, await this.load(id));
        this.lost.delete(id);
      } catch (cause) {
        this.lost.set(id, { at: clock.monotonic(), cause });
      }
    }
  }

  private letGo(): void {
    for (const id of this.lost.keys()) if (!this.wanted.includes(id)) this.lost.delete(id);
    for (const [id, models] of this.held) {
      if (this.wanted.includes(id)) continue;
      this.held.delete(id);
      this.retire(models);
    }
  }

  private replace(models: ServingModels): void {
    const before = this.serving.models;
    this.serving.replace(models);
    if (this.previous === models) this.previous = undefined;
    if (models.bundle !== null) this.held.delete(models.bundle.id);
    if (before.bundle !== null && this.parts.hasRoom()) this.keep(before);
    else this.retire(before);
  }

  /** Keeps these models, and no others. */
  private keep(models: ServingModels | undefined): void {
    if (this.previous !== undefined) this.retire(this.previous);
    this.previous = models;
  }

  private retire(models: ServingModels): void {
    const id = models.bundle?.id;
    if (id !== undefined && this.wanted.includes(id)) {
      this.held.set(id, models);
      return;
    }
    const retired = this.serving.retire(models).finally(() => this.retiring.delete(retired));
    this.retiring.add(retired);
  }
}
