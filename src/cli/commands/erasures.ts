/** `upnext erasures`: who was forgotten, for backups that do not know it. */
import { Command } from "commander";
import { programName } from "../command-line.ts";
import type { Context } from "../context.ts";
import { openLog } from "../state-store-of.ts";
import { withContext } from "../with-context.ts";

export function erasuresCommand(): Command {
  return new Command("erasures")
    .summary("list who was forgotten, for restoring older backups")
    .description(
      "Prints a line of JSON for each user who was forgotten, with the time until which. Keep it apart from the backups: " +
        "`upnext restore --erasures FILE` forgets these users again.",
    )
    .addHelpText("after", () => `\nExample:\n  ${programName()} erasures > erasures.jsonl`)
    .action(withContext("apart", list));
}

async function list(context: Context) {
  await openLog(context);
  const { erasureLines, erasuresOf } = await import("../../backup/index.ts");
  const lines = erasureLines(await erasuresOf(context.config.directory));
  if (lines !== "") context.print(lines.trimEnd());
}
