/** `upnext serve`: the HTTP API over the log, the state and the current bundle. */
import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import { type AddressOptions, addressOf, addressOptions, checkAddress } from "../address.ts";
import { calledHere } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { integerFrom } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";
import { type WorkerLink, workerLink } from "../workers/worker.ts";

/** More than one machine has cores. */
const MOST_WORKERS = 256;

export function serveCommand(): Command {
  const [port, host] = addressOptions();
  return new Command("serve")
    .summary("answer over HTTP")
    .description(
      "Serves the directory over HTTP until SIGINT or SIGTERM, and takes up what `train` publishes meanwhile.",
    )
    .addOption(port)
    .addOption(host)
    .option(
      "--replica",
      "serve beside the process that writes this directory's log: the same log, the same store of user states, events handed to it",
    )
    .addOption(
      new Option("--workers <n>", "processes that share the port; one that dies is started again")
        .argParser(integerFrom(1, MOST_WORKERS))
        .default(1),
    )
    .action(withContext("together", serve));
}

interface Options extends GlobalOptions, AddressOptions {
  readonly replica?: true;
  readonly workers: number;
}

async function serve(context: Context, options: Options) {
  const link = workerLink();
  const { config, print, say } = context;
  const address = addressOf(options, config.server);
  const ready = (url: string) => {
    print(`listening on ${url}`);
    say(`what to try: curl ${url}/`);
  };
  if (link !== undefined) return serveHere(context, { ...address, port: link.port }, options, () => {}, link);
  const port = await checkAddress(address);
  if (options.workers === 1) return serveHere(context, address, options, ready);
  const { serveWithWorkers } = await import("../workers/serve-with-workers.ts");
  await serveWithWorkers(context, { ...address, port }, options, ready);
}

/** In this process: on its own, or as one of several. */
async function serveHere(
  context: Context,
  address: { readonly host: string; readonly port: number },
  options: Options,
  ready: (url: string) => void,
  link?: WorkerLink,
): Promise<void> {
  const { say, program, shutdown } = context;
  const [{ createMetrics }, { serveInstance }] = await Promise.all([
    import("../../monitoring/index.ts"),
    import("../serve-instance.ts"),
  ]);
  const metrics = createMetrics();
  if (link !== undefined) {
    shutdown.follow(link.stopped);
    shutdown.defer(link.leave);
  }
  const replica = options.replica === true || link?.role === "replica";
  // The thread that answers needs a core, too.
  const threads = Math.max(0, Math.floor(availableParallelism() / options.workers) - 1);
  const instance = await openInstance(context, { metrics, replica, threads });
  const { checks } = await instance.status();
  for (const { level, name, message, cure } of checks) {
    if (level !== "ok")
      say(
        `${level}: ${name}: ${message}${cure === undefined ? "" : ` Mend it: ${calledHere(cure, program)}`}`,
      );
  }
  await serveInstance(context, instance, link?.shared(metrics) ?? metrics, address, ready, !replica);
}
