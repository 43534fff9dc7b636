/** `upnext import`: reads a data set into the log. */
import { Command } from "commander";
import { plural } from "../amounts.ts";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { addDataOptions, type DataOptions, importRequest } from "../data-options.ts";
import { importText } from "../import-text.ts";
import { openInstance } from "../open-instance.ts";
import { withContext } from "../with-context.ts";

export function importCommand(): Command {
  const command = new Command("import")
    .summary("read a data set into the log")
    .description(
      "Reads a file, or the folder of a known data set, into the log. Every row is checked before the first is taken; " +
        "an import that was interrupted can be run again, and changes nothing twice.",
    )
    .argument("<path>", "csv, jsonl, parquet (.gz too), MovieLens, KuaiRand, or sequences of items");
  return addDataOptions(command).addHelpText("after", examples).action(withContext("together", importData));
}

async function importData(context: Context, options: GlobalOptions & DataOptions, [path]: readonly string[]) {
  const { print, say, progress, program } = context;
  const request = await importRequest(path!, options);
  const { detectFormat, IMPORTERS } = await import("../../datasets/index.ts");
  // Before the directory is made: a wrong path leaves nothing behind.
  await detectFormat(IMPORTERS, request);
  const instance = await openInstance(context);
  const report = await instance.import(request, progress);
  print(importText(report));
  if (report.bad > report.badRows.length)
    say(`${plural(report.bad - report.badRows.length, "more bad row")} not shown`);
  say(`next: ${program} train`);
}

function examples(): string {
  const upnext = programName();
  return `
Examples:
  ${upnext} import ratings.csv
  ${upnext} import watched.jsonl --items videos.csv
  ${upnext} import events.parquet --columns user=uid,item=video,time=ts,value=share
  ${upnext} import ml-1m/ml-1m.txt --format sequence --items ml-1m/items.tsv`;
}
