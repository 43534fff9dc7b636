/** Serves an open instance over HTTP until a signal comes, then closes both in order. */
import type { Ms } from "../core/index.ts";
import type { AdmissionNumbers, Metrics } from "../monitoring/index.ts";
import type { Upnext } from "../upnext.ts";
import type { Address } from "./address.ts";
import type { Context } from "./context.ts";

/** Milliseconds that a request may wait before a training beside the server has to stand still (a guess). */
const PRESSED_MS = 1;
const LOOPBACK = /^(127\.|localhost$|::1$)/;

/**
 * @param ready is called with the server's address once connections are accepted
 * @param writes whether the instance is the one that writes the log
 */
export async function serveInstance(
  context: Context,
  instance: Upnext,
  metrics: Metrics,
  address: Address,
  ready: (url: string) => void,
  writes = true,
): Promise<void> {
  const { config, clock, shutdown, progress, say } = context;
  const { createServer } = await import("../serving/index.ts");
  const { apiKeys, limits, lameduck = 0 } = config.server;
  const settings = { ...limits, ...address, apiKeys, lameduck, budgetMs: config.budgetMs };
  let admission: Parameters<Metrics["watchAdmission"]>[0] | undefined;
  const watched: Metrics = {
    ...metrics,
    watchAdmission(look) {
      admission = look;
      metrics.watchAdmission(look);
    },
  };
  const server = await createServer({ recommender: instance, metrics: watched, clock, settings });
  shutdown.defer(() => server.close());
  const { url } = await server.listen();
  // One training for all who serve the directory.
  if (writes) await trainBeside(context, instance, () => admission !== undefined && isPressed(admission()));
  progress.end();
  if (apiKeys.length === 0 && !LOOPBACK.test(address.host)) {
    say(
      `warning: ${address.host} without API keys: everyone who reaches it may do everything (server.apiKeys)`,
    );
  }
  ready(url);
  const signal = await shutdown.untilSignal();
  say(`${signal}: finishing requests under way, then closing`);
  await shutdown.close();
}

/** Trains every so often, where the configuration wants it. */
async function trainBeside(context: Context, instance: Upnext, pressed: () => boolean): Promise<void> {
  const { config, configPath, clock, shutdown, say } = context;
  const { every } = config.training;
  if (every === undefined) return;
  const { TrainingBeside } = await import("./training-beside.ts");
  const training = new TrainingBeside({
    every: every as Ms,
    lastTrained: async () => (await instance.status()).bundle?.trainedAt,
    now: clock.now,
    command: [
      process.execPath,
      process.argv[1]!,
      ...["--dir", config.directory, ...(configPath === null ? [] : ["--config", configPath])],
      "train",
      "--quiet",
    ],
    pressed,
    say,
  });
  shutdown.defer(() => training.close());
  await training.begin();
}

function isPressed({ lanes, pressure }: AdmissionNumbers): boolean {
  return pressure > 0 || Object.values(lanes).some(({ age }) => age > PRESSED_MS);
}
