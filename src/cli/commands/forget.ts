/** `upnext forget`: a user's data is gone, and the receipt says from where. */
import { Command } from "commander";
import type { ErasureReceipt } from "../../pipeline/recommender.ts";
import { count, plural } from "../amounts.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly json?: true;
}

export function forgetCommand(): Command {
  return new Command("forget")
    .summary("forget a user: in answers, states, log and snapshots")
    .description(
      "Forgets everything that is known of a user, in every file of the directory, and prints what was removed where. " +
        "Beside a running server, ask the server: DELETE /v1/users/ID.",
    )
    .argument("<user>", "the user's id")
    .option("--json", "the receipt as JSON")
    .action(withContext("apart", forget));
}

async function forget(context: Context, { json }: Options, [user = ""]: readonly string[]) {
  const instance = await openInstance(context, { existing: true });
  const receipt = await instance.forget(user);
  context.print(json ? JSON.stringify(receipt, null, 2) : receiptText(receipt));
}

function receiptText({ user, time, offset, state, log, snapshots, bundles }: ErasureReceipt): string {
  const touches =
    state.touches === null
      ? "the store could not be asked what it held"
      : `${count(state.touches)} touches removed`;
  const lines = [
    `${user}: forgotten until ${new Date(time).toISOString()}, by the event at offset ${count(offset)}`,
    `  states     ${touches} (${state.store})${state.done ? "" : "; it gets the erasure when it answers again"}`,
    `  log        ${plural(log.events, "event")} made anonymous, ${plural(log.files, "file")} written anew`,
    `  snapshots  ${count(snapshots)} written anew or removed`,
  ];
  if (bundles.length > 0) {
    lines.push(
      `  bundles    ${bundles.join(", ")} learned from this user; what they learned goes with the next training`,
    );
  }
  return lines.join("\n");
}
