/** `upnext restore`: a directory of a backup. */
import { Command } from "commander";
import { bytes, count, plural } from "../amounts.ts";
import { programName, shownPath } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { ownPlace } from "../state-store-of.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly replace?: true;
  readonly erasures?: string;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .summary("make the directory of a backup again")
    .description(
      "Checks every file of the backup, makes the directory beside the one that is there, and puts it into its place. Users " +
        "who were forgotten since the backup are forgotten in it before anyone can open it.",
    )
    .argument("<path>", "the folder that `upnext backup` has made")
    .option(
      "--replace",
      "where there is a directory with a log: take its place, and keep it under another name",
    )
    .option("--erasures <file>", "also forget the users of this list, which `upnext erasures` has made")
    .addHelpText("after", () => `\nExample:\n  ${programName()} restore /mnt/backups/upnext-monday --replace`)
    .action(withContext("together", makeDirectory));
}

async function makeDirectory(
  context: Context,
  { replace, erasures }: Options,
  [path = ""]: readonly string[],
) {
  const { config, clock, progress, print, say, program } = context;
  const { directory } = config;
  const { restore } = await import("../../backup/index.ts");
  const report = await restore({
    path,
    directory,
    replace: replace === true,
    ...(erasures !== undefined && { erasures }),
    clock,
    progress,
  });
  const { files, bytes: size, end, forgotten, before } = report;
  print(`${shownPath(directory)}: ${plural(files, "file")}, ${bytes(size)}, ${plural(end, "event")}`);
  print(
    `  ${plural(report.erasures, "erasure")} that the backup did not know; ${count(forgotten)} events of forgotten users made anonymous`,
  );
  if (before !== null)
    print(`  what was there before is ${shownPath(before)}: remove it when it is not needed`);
  const { store } = ownPlace(context);
  if (store !== "lmdb" && store !== "memory") {
    say(`the states in ${store} are of the log before: ${program} state clear --yes, then start the server`);
  }
  say(`next: ${program} doctor --deep`);
}
