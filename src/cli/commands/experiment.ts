/** `upnext experiment`: two ways to answer, each for its share of the users, and what comes of it. */
import { Command, InvalidArgumentError } from "commander";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { integerFrom, share } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";

export function experimentCommand(): Command {
  return new Command("experiment")
    .summary("give users one of two arms, watch what comes of it, stop it")
    .description(
      "Gives users one of two arms by a hash, and compares what they do, with limits that hold however often one " +
        "looks. Running servers follow within seconds.",
    )
    .addCommand(startCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(stopCommand())
    .addHelpText("after", examples);
}

function examples(): string {
  const upnext = programName();
  return `
Examples:
  ${upnext} experiment start calmer-feed --diversity 0.4 --about "fewer alike in a row"
  ${upnext} experiment start new-bundle --bundle 9c1f0e5a77b2d410 --share 0.2
  ${upnext} experiment show calmer-feed
  ${upnext} experiment stop calmer-feed`;
}

interface Options extends GlobalOptions {
  readonly json?: true;
}

interface StartOptions extends Options {
  readonly bundle?: string;
  readonly weight?: Readonly<Record<string, number>>;
  readonly diversity?: number;
  readonly explore?: number;
  readonly maxPerCreator?: number;
  readonly candidates?: number;
  readonly share: number;
  readonly metric?: string;
  readonly smallest?: number;
  readonly about?: string;
}

function startCommand(): Command {
  return new Command("start")
    .summary("give half of the users what B does, the other half what everybody gets now")
    .description(
      "Starts an experiment whose arm A is answered as everybody is now, and arm B with what the options say.",
    )
    .argument("<name>", "of the experiment; it salts the assignment and is never used again")
    .option("--bundle <id>", "B answers with this bundle, A keeps the one in service now")
    .option("--weight <head=number>", "weight of a head in B's score; may be repeated", weight)
    .option("--diversity <share>", "diversity of B's slates", share)
    .option("--explore <share>", "share of B's slots that chance fills", share)
    .option(
      "--max-per-creator <n>",
      "items of one creator in a slate of B, 0 for no cap",
      integerFrom(0, 500),
    )
    .option("--candidates <n>", "candidates that B ranks at most", integerFrom(1, 10_000))
    .option("--share <share>", "of all users in the experiment, half of them in each arm", share, 1)
    .option("--metric <name>", "by which it is decided (default: long-watch-rate)")
    .option("--smallest <share>", "the smallest relative difference worth knowing of (default: 0.05)", share)
    .option("--about <text>", "why it is run; kept with it")
    .option("--json", "what was started, as JSON")
    .action(withContext("apart", start));
}

function weight(text: string, before: Readonly<Record<string, number>> = {}) {
  const [head, value] = text.split("=");
  const number = Number(value);
  if (head && value && Number.isFinite(number)) return { ...before, [head]: number };
  throw new InvalidArgumentError("Expected HEAD=NUMBER, such as approve=2.");
}

async function start(context: Context, options: StartOptions, [name = ""]: readonly string[]) {
  const { bundle, weight: headWeights, diversity, explore, maxPerCreator, candidates } = options;
  const { metric, smallest, about, json } = options;
  const policy = {
    ...(diversity !== undefined && { diversity }),
    ...(explore !== undefined && { explore }),
    ...(maxPerCreator !== undefined && { maxPerCreator }),
  };
  const own = {
    ...(bundle !== undefined && { bundle }),
    ...(headWeights !== undefined && { headWeights }),
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(candidates !== undefined && { candidates }),
  };
  const instance = await openInstance(context, { readOnly: true });
  const started = await instance.startExperiment({
    name,
    arms: [
      { name: "A", share: options.share / 2 },
      { name: "B", share: options.share / 2, ...own },
    ],
    ...(metric !== undefined && { metric }),
    ...(smallest !== undefined && { smallest }),
    ...(about !== undefined && { about }),
  });
  const { startedText } = await import("../experiment-text.ts");
  context.print(json ? JSON.stringify(started, null, 2) : startedText(started, context.program));
}

function listCommand(): Command {
  return new Command("list")
    .summary("the experiments that run and that were stopped")
    .description("Lists the experiments of the directory, newest first.")
    .option("--json", "the list as JSON")
    .action(withContext("apart", list));
}

async function list(context: Context, { json }: Options) {
  const instance = await openInstance(context, { readOnly: true });
  const experiments = await instance.experiments();
  const { experimentsText } = await import("../experiment-text.ts");
  context.print(json ? JSON.stringify(experiments, null, 2) : experimentsText(experiments));
}

function showCommand(): Command {
  return new Command("show")
    .summary("what an experiment has shown so far")
    .description("Reads the log since the experiment's start and says what each arm did, and what follows.")
    .argument("<name>", "of the experiment; see experiment list")
    .option("--json", "all of it as JSON")
    .action(withContext("apart", show));
}

async function show(context: Context, { json }: Options, [name = ""]: readonly string[]) {
  const instance = await openInstance(context, { readOnly: true });
  const details = await instance.experiment(name);
  const { experimentText } = await import("../experiment-text.ts");
  context.print(json ? JSON.stringify(details, null, 2) : experimentText(details));
}

function stopCommand(): Command {
  return new Command("stop")
    .summary("stop an experiment, and keep what it has shown")
    .description("Everybody is answered as configured again. What was measured stays in the record.")
    .argument("<name>", "of the experiment; see experiment list")
    .option("--json", "what it has shown, as JSON")
    .action(withContext("apart", stop));
}

async function stop(context: Context, { json }: Options, [name = ""]: readonly string[]) {
  const instance = await openInstance(context, { readOnly: true });
  const details = await instance.stopExperiment(name);
  const { experimentText } = await import("../experiment-text.ts");
  context.print(json ? JSON.stringify(details, null, 2) : experimentText(details));
}
