/** `upnext serve`: the HTTP API over the log, the state and the current bundle. */
import { Command } from "commander";
import { type AddressOptions, addressOf, addressOptions, checkAddress } from "../address.ts";
import { calledHere } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { withContext } from "../with-context.ts";

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
    .action(withContext("together", serve));
}

interface Options extends GlobalOptions, AddressOptions {
  readonly replica?: true;
}

async function serve(context: Context, options: Options) {
  const { config, print, say, program } = context;
  const address = addressOf(options, config.server);
  await checkAddress(address);
  const [{ createMetrics }, { serveInstance }] = await Promise.all([
    import("../../monitoring/index.ts"),
    import("../serve-instance.ts"),
  ]);
  const metrics = createMetrics();
  const instance = await openInstance(context, { metrics, ...(options.replica && { replica: true }) });
  const { checks } = await instance.status();
  for (const { level, name, message, cure } of checks) {
    if (level !== "ok")
      say(
        `${level}: ${name}: ${message}${cure === undefined ? "" : ` Mend it: ${calledHere(cure, program)}`}`,
      );
  }
  await serveInstance(context, instance, metrics, address, (url) => {
    print(`listening on ${url}`);
    say(`what to try: curl ${url}/`);
  });
}
