/** `upnext evaluate`: how good every source, the blend and the two stages are on data that training has not seen. */
import { Command } from "commander";
import type { Ms } from "../../core/index.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { addDataOptions, type DataOptions, importRequest } from "../data-options.ts";
import { asUsage } from "../failure.ts";
import { prepareJsonFile, writeJsonFile } from "../json-file.ts";
import { device, duration } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions, DataOptions {
  readonly data: string;
  readonly split: string;
  readonly json?: string;
  readonly timeBudget?: Ms;
  readonly device?: "cpu" | "webgpu";
}

export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .summary("measure every source and the two stages on data, held-out part unseen")
    .description(
      "Imports the data into a log in memory, trains on the training part alone, and ranks the whole catalogue for " +
        "every test item. Where the data says what was shown, all rungs of the ranker predict what users did with it. " +
        "Leaves nothing in --dir.",
    )
    .requiredOption("--data <path>", "a file, or the folder of a known data set")
    .option(
      "--split <split>",
      "leave-one-out, time:SHARE (time:0.9) or time:MOMENT (time:2022-05-01+08:00)",
      "time:0.9",
    )
    .option("--time-budget <duration>", "how long fitting may take: 90s, 30m, 1h (default: 7m)", duration)
    .option("--device <name>", "where retrieval's network is trained: cpu, webgpu (default: cpu)", device)
    .option("--json <file>", "write the result there, too");
  return addDataOptions(command).action(withContext("together", evaluateData));
}

async function evaluateData({ config, clock, progress, print, say }: Context, options: Options) {
  const [{ parseSplit }, { importInto }, { memoryLog }, { evaluate }] = await Promise.all([
    import("../../evaluation/index.ts"),
    import("../../datasets/index.ts"),
    import("../../events/index.ts"),
    import("../../training/index.ts"),
  ]);
  const { evaluationTable, TABLE_LEGEND } = await import("../evaluation-table.ts");
  const { rankingTables, RANKING_LEGEND } = await import("../ranking-table.ts");
  const split = asUsage("option '--split'", () => parseSplit(options.split));
  const request = await importRequest(options.data, options);
  await prepareJsonFile(options.json);

  const log = memoryLog();
  await importInto(log, { ...request, now: clock.now() }, progress);
  const { training, retrieval, seed } = config;
  const timeBudget = (options.timeBudget ?? training.timeBudget) as Ms | undefined;
  const on = options.device ?? training.device;
  const settings = {
    seed,
    candidates: retrieval.candidates,
    perSource: retrieval.perSource,
    ...(training.rankerShare === undefined ? {} : { rankerShare: training.rankerShare }),
    ...(training.maxLists === undefined ? {} : { maxLists: training.maxLists }),
    ...(timeBudget === undefined ? {} : { timeBudget }),
    ...(on === undefined ? {} : { device: on }),
  };
  const result = await evaluate(
    log,
    { split, settings, headWeights: config.ranking.headWeights, clock },
    progress,
  );
  const { users, items, interactions, examples, examplesFound, fitSeconds, systems, ranking } = result;
  print(
    [
      `${options.data}, ${options.split}: ${users} users, ${items} items, ${interactions} interactions, ` +
        `${examples}${examples < examplesFound ? ` of ${examplesFound}` : ""} test items, trained in ${fitSeconds.toFixed(1)} s`,
      "",
      evaluationTable(systems),
    ].join("\n"),
  );
  say(`\n${TABLE_LEGEND}`);
  if (ranking !== null) {
    print(`\n${rankingTables(ranking)}`);
    say(`\n${RANKING_LEGEND}`);
  }
  await writeJsonFile(options.json, { data: options.data, split: options.split, ...result });
}
