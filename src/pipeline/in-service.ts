/**
 * The models that answer, and who uses which: a swap never closes a ranker under a request that has begun with it, and
 * the models before can be put back while they are still in use.
 */
import type { ServingModels } from "./serving-models.ts";

interface Lease {
  users: number;
  /** Set once nobody new may come: what to do when the last user is done. */
  whenIdle: (() => void) | undefined;
}

export class ModelsInService {
  private current: ServingModels;
  private readonly leases = new Map<ServingModels, Lease>();

  constructor(models: ServingModels) {
    this.current = models;
  }

  /** Those in service now; for a look that waits for nothing. */
  get models(): ServingModels {
    return this.current;
  }

  /** Runs `use` with the models in service, or with others that are not retired; they stay open until it is done. */
  async use<T>(use: (models: ServingModels) => Promise<T>, models = this.current): Promise<T> {
    const lease = this.leaseOf(models);
    lease.users++;
    try {
      return await use(models);
    } finally {
      lease.users--;
      if (lease.users === 0) lease.whenIdle?.();
    }
  }

  /** Puts others into service at once; those before stay open until they are retired. */
  replace(models: ServingModels): void {
    this.current = models;
  }

  /** Waits for all users of models that are not in service, or never again, and closes them. */
  async retire(models: ServingModels): Promise<void> {
    const lease = this.leaseOf(models);
    if (lease.users > 0) {
      await new Promise<void>((resolve) => {
        lease.whenIdle = resolve;
      });
    }
    this.leases.delete(models);
    await models.close();
  }

  private leaseOf(models: ServingModels): Lease {
    const lease = this.leases.get(models) ?? { users: 0, whenIdle: undefined };
    this.leases.set(models, lease);
    return lease;
  }
}
