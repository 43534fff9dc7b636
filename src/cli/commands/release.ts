/** `upnext release`: which bundle serves, which ones could, and why others may not. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { REFUSED } from "../failure.ts";
import { openInstance } from "../open-instance.ts";
import { withContext } from "../with-context.ts";

export function releaseCommand(): Command {
  return new Command("release")
    .summary("list bundles, put one into service, go back to an earlier one")
    .description("Bundles, and which of them serves. Running servers follow within seconds.")
    .addCommand(listCommand())
    .addCommand(promoteCommand())
    .addCommand(rollbackCommand())
    .addHelpText("after", examples);
}

function examples(): string {
  const upnext = programName();
  return `
Examples:
  ${upnext} release list
  ${upnext} release promote 9c1f0e5a77b2d410
  ${upnext} release promote 9c1f0e5a77b2d410 --despite "half the memory is worth 3 % of NDCG"
  ${upnext} release rollback`;
}

interface Options extends GlobalOptions {
  readonly json?: true;
}

function listCommand(): Command {
  return new Command("list")
    .summary("the bundles, what each of them is, and why one was refused")
    .description("Lists the bundles of the directory, newest first.")
    .option("--json", "the list as JSON, with who was current when")
    .action(withContext("apart", list));
}

/** The registry alone: bundles can be listed where the log cannot be read. */
async function list({ config, clock, print }: Context, { json }: Options) {
  const folder = join(config.directory, "bundles");
  const { releases } = await import("../../release/index.ts");
  const { openFileRegistry } = await import("../../registry/index.ts");
  const bundles = existsSync(folder) ? await releases(await openFileRegistry(folder, { clock })) : [];
  const { releasesText } = await import("../release-text.ts");
  print(json ? JSON.stringify(bundles, null, 2) : releasesText(bundles));
}

interface PromoteOptions extends Options {
  readonly despite?: string;
}

function promoteCommand(): Command {
  return new Command("promote")
    .summary("ask the release gate about a bundle, and put it into service")
    .description(
      "Asks the release gate about a bundle and puts it into service where nothing refuses it. Exit code 3 where it " +
        "is refused: the one in service stays.",
    )
    .argument("<bundle>", "its id; see release list")
    .option("--despite <reason>", "put it into service although a check refuses it; the reason is kept")
    .option("--json", "what the gate found, as JSON")
    .action(withContext("apart", promote));
}

async function promote(
  context: Context,
  { json, despite }: PromoteOptions,
  [bundle = ""]: readonly string[],
) {
  const { print, progress } = context;
  const instance = await openInstance(context, { readOnly: true });
  const report = await instance.promote(bundle, { progress, ...(despite !== undefined && { despite }) });
  const { releaseText } = await import("../release-text.ts");
  print(json ? JSON.stringify(report, null, 2) : releaseText(report, despite));
  if (!report.loads || (!report.accepted && despite === undefined)) process.exitCode = REFUSED;
}

function rollbackCommand(): Command {
  return new Command("rollback")
    .summary("go back to the bundle that served before, or to an earlier one")
    .description(
      "Puts the previous bundle into service again, or the given one, which served before. Without asking the gate, " +
        "but it has to load.",
    )
    .argument("[bundle]", "its id; see release list")
    .option("--json", "which bundle is current now, as JSON")
    .action(withContext("apart", rollback));
}

async function rollback(context: Context, { json }: Options, [bundle]: readonly string[]) {
  const instance = await openInstance(context, { readOnly: true });
  const current = await instance.rollback(bundle);
  context.print(json ? JSON.stringify({ current }) : `bundle ${current} is current again`);
}
