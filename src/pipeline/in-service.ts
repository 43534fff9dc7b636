/**
 * The models that answer, and who still uses the ones before them: a swap never closes a ranker under a request that
 * has begun with it.
 */
import type { ServingModels } from "./serving-models.ts";

interface Lease {
  readonly models: ServingModels;
  users: number;
  /** Set once the models are out of service: what to do when the last user is done. */
  whenIdle: (() => void) | undefined;
}

export class ModelsInService {
  private lease: Lease;

  constructor(models: ServingModels) {
    this.lease = { models, users: 0, whenIdle: undefined };
  }

  /** Those in service now; for a look that waits for nothing. */
  get models(): ServingModels {
    return this.lease.models;
  }

  /** Runs `use` with the models in service; they stay open until it is done. */
  async use<T>(use: (models: ServingModels) => Promise<T>): Promise<T> {
    const { lease } = this;
    lease.users++;
    try {
      return await use(lease.models);
    } finally {
      lease.users--;
      if (lease.users === 0) lease.whenIdle?.();
    }
  }

  /** Puts others into service at once; resolves when those before are no longer used and closed. */
  async replace(models: ServingModels): Promise<void> {
    const before = this.lease;
    this.lease = { models, users: 0, whenIdle: undefined };
    await retired(before);
  }

  /** Waits for all users of the models in service and closes them. */
  close(): Promise<void> {
    return retired(this.lease);
  }
}

async function retired(lease: Lease): Promise<void> {
  if (lease.users > 0) {
    await new Promise<void>((resolve) => {
      lease.whenIdle = resolve;
    });
  }
  await lease.models.close();
}
