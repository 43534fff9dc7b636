/** Serves an open instance over HTTP until a signal comes, then closes both in order. */
import type { Metrics } from "../monitoring/index.ts";
import type { Upnext } from "../upnext.ts";
import type { Address } from "./address.ts";
import type { Context } from "./context.ts";

const LOOPBACK = /^(127\.|localhost$|::1$)/;

/** @param ready is called with the server's address once connections are accepted */
export async function serveInstance(
  context: Context,
  instance: Upnext,
  metrics: Metrics,
  address: Address,
  ready: (url: string) => void,
): Promise<void> {
  const { config, clock, shutdown, progress, say } = context;
  const { createServer } = await import("../serving/index.ts");
  const { apiKeys, limits, lameduck = 0 } = config.server;
  const settings = { ...limits, ...address, apiKeys, lameduck, budgetMs: config.budgetMs };
  const server = await createServer({ recommender: instance, metrics, clock, settings });
  shutdown.defer(() => server.close());
  const { url } = await server.listen();
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
