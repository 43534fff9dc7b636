/** `upnext recommend`: what a user is shown, and why. */
import { Command } from "commander";
import type { ItemId, Ms, UserId } from "../../core/index.ts";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { id, integerFrom, place } from "../option-parsers.ts";
import { recommendationText } from "../recommendation-text.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly user: string;
  readonly limit: number;
  readonly surface?: string;
  readonly device?: string;
  readonly why?: true;
  readonly whyNot?: readonly string[];
  readonly category?: readonly string[];
  readonly allowSeen?: true;
  readonly json?: true;
}

const PATIENCE_MS = 5_000 as Ms;

export function recommendCommand(): Command {
  return new Command("recommend")
    .summary("show what a user would be shown, and why")
    .description(
      "Answers one request without a server, or beside one, and without leaving an impression in the log.",
    )
    .requiredOption("--user <id>", "for whom", id)
    .option("--limit <n>", "how many items", integerFrom(1, 500), 10)
    .option("--surface <name>", "where it is shown: the page, tab or shelf", place)
    .option("--device <name>", "the kind of device that it is shown on", place)
    .option("--why", "the sources, predicted actions and features of each item")
    .option("--why-not <items...>", "say for these items why they are not in the answer")
    .option("--category <names...>", "only items of these categories")
    .option("--allow-seen", "items that the user has touched may come back")
    .option("--json", "the answer as JSON, complete")
    .addHelpText(
      "after",
      () => `
Examples:
  ${programName()} recommend --user u1 --limit 5 --why
  ${programName()} recommend --user u1 --why-not v7 v8`,
    )
    .action(withContext("apart", recommend));
}

async function recommend(context: Context, options: Options) {
  const { user, limit, surface, device, why, whyNot, category, allowSeen, json } = options;
  const instance = await openInstance(context, { readOnly: true });
  const answer = await instance.recommend({
    user: user as UserId,
    limit,
    explain: why === true,
    allowSeen: allowSeen === true,
    log: false,
    // A process that has just begun is slow, and a person is waiting, not a page: the best answer, not the fastest.
    budgetMs: PATIENCE_MS,
    ...(surface === undefined ? {} : { surface }),
    ...(device === undefined ? {} : { device }),
    ...(whyNot === undefined ? {} : { whyNot: whyNot as readonly ItemId[] }),
    ...(category === undefined ? {} : { categories: category }),
  });
  context.print(json ? JSON.stringify(answer, null, 2) : recommendationText(answer));
}
