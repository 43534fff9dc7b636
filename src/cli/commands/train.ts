/** `upnext train`: trains both stages on the log and puts the bundle into service. */
import { Command } from "commander";
import type { Ms } from "../../core/index.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { REFUSED } from "../failure.ts";
import { prepareJsonFile, writeJsonFile } from "../json-file.ts";
import { openInstance } from "../open-instance.ts";
import { device, duration } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly json?: string;
  readonly timeBudget?: Ms;
  readonly device?: "cpu" | "webgpu";
}

export function trainCommand(): Command {
  return new Command("train")
    .summary("train on the log, measure, and put the bundle into service")
    .description(
      "Trains both stages on the log, measures them on the newest interactions, publishes a bundle, and puts it into " +
        "service where the release gate accepts it; exit code 3 where not. A server that runs on the same directory " +
        "takes it up within seconds.",
    )
    .option("--time-budget <duration>", "how long fitting may take: 90s, 30m, 1h (default: 7m)", duration)
    .option("--device <name>", "where retrieval's network is trained: cpu, webgpu (default: cpu)", device)
    .option("--json <file>", "write what was trained and measured there")
    .action(withContext("together", train));
}

async function train(context: Context, { json, timeBudget, device: on }: Options) {
  const { config, print, say, progress, program } = context;
  const { trainText } = await import("../train-text.ts");
  await prepareJsonFile(json);
  // Training reads the log and writes bundles: it runs beside a server.
  const instance = await openInstance(context, { readOnly: true });
  const report = await instance.train(progress, {
    ...(timeBudget !== undefined && { timeBudget }),
    ...(on && { device: on }),
  });
  const { releaseText } = await import("../release-text.ts");
  print(`${trainText(report, config.training.holdOut)}\n\n${releaseText(report.release)}`);
  await writeJsonFile(json, report);
  if (report.release.accepted) say(`\nnext: ${program} serve`);
  else process.exitCode = REFUSED;
}
