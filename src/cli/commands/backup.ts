/** `upnext backup`: a copy of the directory beside whoever writes it. */
import { Command } from "commander";
import { bytes, count, plural } from "../amounts.ts";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openLog } from "../state-store-of.ts";
import { withContext } from "../with-context.ts";

export function backupCommand(): Command {
  return new Command("backup")
    .summary("copy the directory, beside a server")
    .description(
      "Copies log, bundles and configuration into a new folder, beside a running server, and reads the copy. User states " +
        "are not in it: they are made from the log again.",
    )
    .argument("<path>", "the folder to make")
    .addHelpText("after", () => `\nExample:\n  ${programName()} backup /mnt/backups/upnext-monday`)
    .action(withContext("together", makeBackup));
}

async function makeBackup(context: Context, _: GlobalOptions, [path = ""]: readonly string[]) {
  const { config, configPath, clock, progress, print, say, program } = context;
  // Says what is missing where there is no log.
  await openLog(context);
  const { backup } = await import("../../backup/index.ts");
  const report = await backup({ directory: config.directory, path, config: configPath, clock, progress });
  const { files, bytes: size, first, end } = report;
  print(`${path}: ${plural(files, "file")}, ${bytes(size)}, events ${count(first)} to ${count(end)}`);
  say(`next: ${program} erasures > FILE now and then: who is forgotten after a backup is not known to it`);
}
