/** `upnext features`: what the ranker reads, how often it says something, and how far it has moved since training. */
import { Command } from "commander";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly group?: readonly string[];
  readonly json?: true;
}

export function featuresCommand(): Command {
  return new Command("features")
    .summary("list the ranker's features with coverage and drift")
    .description(
      "Computes the features of the newest slates and of the candidates of the newest items that were taken, and " +
        "compares them with what the bundle in service was trained on.",
    )
    .option("--group <names...>", "only the features of these groups")
    .option("--json", "the report as JSON, complete")
    .addHelpText(
      "after",
      () => `
Examples:
  ${programName()} features
  ${programName()} features --group rate habit`,
    )
    .action(withContext("apart", features));
}

async function features(context: Context, { group, json }: Options) {
  const { print, say, progress } = context;
  const instance = await openInstance(context, { readOnly: true });
  const report = await instance.features(progress);
  if (json) return print(JSON.stringify(report, null, 2));
  const { featureTable, FEATURE_LEGEND, featureHeading } = await import("../feature-table.ts");
  print(`${featureHeading(report)}\n\n${featureTable(report, group)}`);
  say(`\n${FEATURE_LEGEND}`);
}
