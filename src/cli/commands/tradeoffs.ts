/** `upnext tradeoffs`: what every rung of rankers is worth and what it costs here, and which one the objective takes. */
import { writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import type { Ms } from "../../core/index.ts";
import type { EventLog } from "../../events/index.ts";
import type { Tradeoffs } from "../../release/index.ts";
import type { Snapshot } from "../../snapshots/index.ts";
import { programName, quoted, shownPath } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { addDataOptions, type DataOptions, importRequest } from "../data-options.ts";
import { asUsage, REFUSED, UsageError } from "../failure.ts";
import { prepareJsonFile, writeJsonFile } from "../json-file.ts";
import { openInstance } from "../open-instance.ts";
import { device, duration, integerFrom } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions, DataOptions {
  readonly data?: string;
  readonly split: string;
  readonly json?: string;
  readonly out: string;
  readonly seconds: number;
  readonly timeBudget?: Ms;
  readonly rankerTime?: Ms;
  readonly device?: "cpu" | "webgpu";
  readonly promote?: true;
}

export function tradeoffsCommand(): Command {
  const command = new Command("tradeoffs")
    .summary("measure what every rung of rankers gives and costs here, and choose one")
    .description(
      "Fits every rung of rankers on the older part of the log, measures on its newest part what each is worth and " +
        "on this machine what a request costs with it, and says which of them the objective of the configuration " +
        "(slo) takes and what that gives up. Writes TRADEOFFS.md and tradeoffs.svg.",
    )
    .option("--data <path>", "instead of the log of --dir: a file, or the folder of a known data set")
    .option(
      "--split <split>",
      "leave-one-out, time:SHARE (time:0.9) or time:MOMENT (time:2022-05-01+08:00)",
      "time:0.9",
    )
    .option("--seconds <n>", "how long requests are measured", integerFrom(1, 86_400), 60)
    .option(
      "--time-budget <duration>",
      "how long fitting retrieval's sources may take: 90s, 30m, 1h (default: 7m)",
      duration,
    )
    .option(
      "--ranker-time <duration>",
      "how long fitting rungs may take; what is not begun by then is left out (default: as long as it takes)",
      duration,
    )
    .option("--device <name>", "where retrieval's network is trained: cpu, webgpu (default: cpu)", device)
    .option("--out <folder>", "where TRADEOFFS.md and tradeoffs.svg go", ".")
    .option("--json <file>", "write all numbers there, too")
    .option(
      "--promote",
      "train on the whole log with the chosen rung, and release it if the gate accepts it",
    );
  return addDataOptions(command).action(withContext("together", tradeoffs));
}

async function tradeoffs(context: Context, options: Options) {
  const { config, clock, progress, print, say, program } = context;
  if (options.promote && options.data !== undefined) {
    throw new UsageError(
      "option '--promote': expected the log of --dir, got --data: what is read for measuring is not served. Import it first: upnext import PATH.",
    );
  }
  const [{ parseSplit }, { evidenceOf, frontierSvg, measureLog, tradeoffsMarkdown }, { DEFAULT_POLICY }] =
    await Promise.all([
      import("../../evaluation/index.ts"),
      import("../../release/index.ts"),
      import("../../policy/index.ts"),
    ]);
  const { tradeoffsText } = await import("../tradeoffs-text.ts");
  const split = asUsage("option '--split'", () => parseSplit(options.split));
  await prepareJsonFile(options.json);
  const page = join(resolve(options.out), "TRADEOFFS.md");
  await prepareJsonFile(page);

  const { log, base, name } = await logOf(context, options);
  const { retrieval, ranking, training, state, seed, slo, policy } = config;
  const timeBudget = (options.timeBudget ?? training.timeBudget) as Ms | undefined;
  const on = options.device ?? training.device;
  const { candidates, perSource } = retrieval;
  const result: Tradeoffs = await measureLog(log, {
    objective: slo,
    evaluation: {
      split,
      ...(base && { base }),
      settings: {
        seed,
        candidates,
        perSource,
        touches: state.touches,
        ...(retrieval.sources && { sources: retrieval.sources }),
        ...(state.maxAge !== undefined && { maxAge: state.maxAge as Ms }),
        ...(training.rankerShare !== undefined && { rankerShare: training.rankerShare }),
        ...(training.maxLists !== undefined && { maxLists: training.maxLists }),
        ...(timeBudget !== undefined && { timeBudget }),
        ...(on && { device: on }),
        ...(options.rankerTime !== undefined && { rankerTime: options.rankerTime }),
      },
    },
    path: {
      candidates,
      perSource,
      headWeights: ranking.headWeights,
      ...(state.maxAge !== undefined && { maxAge: state.maxAge as Ms }),
      policy: { ...DEFAULT_POLICY, ...policy },
    },
    data: { name, split: options.split },
    time: (1000 * options.seconds) as Ms,
    meter: { clock, cpu: cpuOfProcess },
    progress,
  });
  print(tradeoffsText(result));
  await writeFile(join(resolve(options.out), PICTURE), frontierSvg(result));
  await writeFile(page, tradeoffsMarkdown(result, PICTURE, commandOf(options)));
  await writeJsonFile(options.json, result);
  say(`\n${shownPath(page)} and ${PICTURE} beside it`);
  if (options.promote) await promote(context, result, evidenceOf(result), options);
  else if (options.data === undefined)
    say(`next: ${program} tradeoffs --promote trains and releases the choice`);
}

const PICTURE = "tradeoffs.svg";

interface Measurable {
  readonly log: EventLog;
  readonly base?: Snapshot | undefined;
  readonly name: string;
}

/** The data of --data in memory, or the log of the directory, beside whoever writes it. */
async function logOf(context: Context, options: Options): Promise<Measurable> {
  const { config, clock, progress } = context;
  if (options.data !== undefined) {
    const [{ importInto }, { memoryLog }] = await Promise.all([
      import("../../datasets/index.ts"),
      import("../../events/index.ts"),
    ]);
    const request = await importRequest(options.data, options);
    const log = memoryLog();
    await importInto(log, { ...request, now: clock.now() }, progress);
    return { log, name: basename(resolve(options.data)) };
  }
  const [{ openLog }, { openSnapshots }] = await Promise.all([
    import("../state-store-of.ts"),
    import("../../snapshots/index.ts"),
  ]);
  const log = await openLog(context);
  const snapshots = await openSnapshots(join(config.directory, "snapshots"), { clock, log: log.id });
  const base = log.first > 0 ? await snapshots.base() : undefined;
  return { log, base, name: basename(config.directory) };
}

/** Trains on the whole log with the chosen rung; the bundle has the evidence, and the release gate decides. */
async function promote(context: Context, { choice }: Tradeoffs, evidence: unknown, options: Options) {
  const { config, print, progress } = context;
  const [{ trainText }, { releaseText }] = await Promise.all([
    import("../train-text.ts"),
    import("../release-text.ts"),
  ]);
  const instance = await openInstance(context, { readOnly: true });
  const report = await instance.train(progress, {
    rung: choice.rung,
    evidence,
    ...(options.timeBudget !== undefined && { timeBudget: options.timeBudget }),
    ...(options.device && { device: options.device }),
  });
  print(`${trainText(report, config.training.holdOut)}\n\n${releaseText(report.release)}`);
  if (!report.release.accepted) process.exitCode = REFUSED;
}

function cpuOfProcess(): Ms {
  const { user, system } = process.cpuUsage();
  return ((user + system) / 1000) as Ms;
}

/** What makes the page again. */
function commandOf({ dir, data, split, seconds }: Options): string {
  const option = (name: string, value: string | undefined) =>
    value === undefined ? "" : ` ${name} ${quoted(value)}`;
  return `${programName()} tradeoffs${option("--dir", dir)}${option("--data", data)} --split ${split} --seconds ${seconds}`;
}
