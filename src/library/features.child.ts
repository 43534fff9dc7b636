/**
 * Computes the report on features of a directory in a process of its own, and sends it to the one that started it.
 *
 * Its last argument is a FeaturesWanted as JSON.
 */
import { join } from "node:path";
import { systemClock, UpnextError } from "../core/index.ts";
import { openFileLog } from "../events/index.ts";
import { openFileRegistry } from "../registry/index.ts";
import { openSnapshots } from "../snapshots/index.ts";
import { type FeatureReport, featureReport } from "../training/index.ts";
import type { FeaturesMessage, FeaturesWanted } from "./feature-look.ts";

const { directory, bundle, ...options } = JSON.parse(process.argv.at(-1)!) as FeaturesWanted;
// Nobody is left to tell.
process.once("disconnect", () => process.exit(1));

const send = (message: FeaturesMessage) => new Promise((resolve) => process.send!(message, resolve));

async function look(): Promise<FeatureReport> {
  const clock = systemClock;
  const log = await openFileLog(join(directory, "log"), { clock, readOnly: true });
  try {
    const snapshots = await openSnapshots(join(directory, "snapshots"), { clock, log: log.id });
    const registry = await openFileRegistry(join(directory, "bundles"), { clock });
    const base = log.first > 0 ? await snapshots.base() : undefined;
    return await featureReport(
      log,
      { ...options, bundle: bundle === null ? null : await registry.open(bundle), ...(base && { base }) },
      {
        step: (...step) => void send({ step }),
        update: (done) => void send({ done }),
        note: (note) => void send({ note }),
      },
    );
  } finally {
    await log.close();
  }
}

await look().then(
  (report) => send({ report }),
  (cause) => {
    if (!(cause instanceof UpnextError)) throw cause;
    return send({ failure: { code: cause.code, message: cause.message } });
  },
);
process.exit();
