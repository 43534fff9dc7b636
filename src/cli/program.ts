/** The command line as a tree of commands; a new one is a file in commands/ and a line here. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { programName } from "./command-line.ts";
import { backupCommand } from "./commands/backup.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { erasuresCommand } from "./commands/erasures.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { experimentCommand } from "./commands/experiment.ts";
import { featuresCommand } from "./commands/features.ts";
import { forgetCommand } from "./commands/forget.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { offPolicyCommand } from "./commands/off-policy.ts";
import { recommendCommand } from "./commands/recommend.ts";
import { releaseCommand } from "./commands/release.ts";
import { restoreCommand } from "./commands/restore.ts";
import { serveCommand } from "./commands/serve.ts";
import { startCommand } from "./commands/start.ts";
import { stateCommand } from "./commands/state.ts";
import { tradeoffsCommand } from "./commands/tradeoffs.ts";
import { trainCommand } from "./commands/train.ts";
import { CALLED_WRONGLY, report } from "./failure.ts";

const COMMANDS: readonly (() => Command)[] = [
  startCommand,
  initCommand,
  importCommand,
  trainCommand,
  releaseCommand,
  experimentCommand,
  evaluateCommand,
  featuresCommand,
  tradeoffsCommand,
  offPolicyCommand,
  recommendCommand,
  serveCommand,
  doctorCommand,
  stateCommand,
  forgetCommand,
  erasuresCommand,
  backupCommand,
  restoreCommand,
];

/** Lines that can be pasted, whatever the program is called here. */
function examples(): string {
  const upnext = programName();
  return `
Try it: a simulated video platform, or your own data, trained and served
  ${upnext} start
  ${upnext} start --data ml-latest-small

Step by step: read data into the log, train, see what a user is shown and why, serve
  ${upnext} import ratings.csv --items movies.csv
  ${upnext} train
  ${upnext} recommend --user u1 --limit 10 --why
  ${upnext} serve --port 8080

Which bundle serves, and back to the one before
  ${upnext} release list
  ${upnext} release rollback

What is missing, and how to mend it
  ${upnext} doctor

Keep it: a backup beside the server, user states in another store
  ${upnext} backup /mnt/backups/upnext-monday
  ${upnext} state migrate --to redis://127.0.0.1:6379

Measure
  ${upnext} evaluate --data ml-1m --split leave-one-out --json result.json
  ${upnext} tradeoffs

Each command explains itself: ${upnext} import --help. More in docs/cli.md.`;
}

export function createProgram(): Command {
  const program = new Command("upnext")
    .description("A two-stage recommender: import events, train, serve, and see why.")
    .version(version(), "--version", "print the version")
    .helpOption("-h, --help", "explain the program, or the command before it")
    .option("--dir <path>", "where log, state and bundles are (default: the configuration's, .upnext)")
    .option("--config <path>", "the configuration file (default: upnext.config.ts, .js, .mjs or .json here)")
    .option("--quiet", "no progress and no hints, only results and errors")
    .addHelpText("after", examples)
    .showSuggestionAfterError(true)
    .exitOverride();
  for (const make of COMMANDS) program.addCommand(inheriting(make(), program));
  return program;
}

/** What holds for the program holds for a command and for the commands below it. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheriting(child as Command, command);
  return command;
}

/** Runs the command line and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  const { UPNEXT_DEBUG } = process.env;
  const write = (text: string) => void process.stderr.write(text);
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return CALLED_WRONGLY;
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    // A command that has said all there is to say may have set it (doctor).
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error, write, UPNEXT_DEBUG === "1");
  }
}

/** The last resort for what no command has caught. */
export function end(error: unknown): never {
  const { UPNEXT_DEBUG } = process.env;
  process.exit(report(error, (text) => void process.stderr.write(text), UPNEXT_DEBUG === "1"));
}

function version(): string {
  const path = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version?: unknown };
  return String(version);
}
