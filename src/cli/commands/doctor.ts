/** `upnext doctor`: what is missing or broken, and how to mend it. */
import { Command } from "commander";
import { type Ms, UpnextError, type UserId } from "../../core/index.ts";
import type { Check } from "../../pipeline/recommender.ts";
import { checksSummary, checksText } from "../checks-text.ts";
import { shownPath } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { openInstance } from "../open-instance.ts";
import { id } from "../option-parsers.ts";
import { userChecks } from "../reason-cures.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly user?: string;
  readonly deep?: true;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("check configuration, log, state, catalog and bundle")
    .description("Says what is missing or broken, and how to mend it. Exit code 1 where something is broken.")
    .option("--user <id>", "also say why this user's answer is not personal, where it is not", id)
    .option(
      "--deep",
      "also read every file whole, and compare the states with the log: minutes where there is much",
    )
    .option("--json", "the checks as JSON")
    .action(withContext("apart", examine));
}

async function examine(context: Context, { json, user, deep }: Options) {
  const checks = [environment(), configuration(context), ...(await directory(context, user))];
  if (deep) checks.push(...(await deeper(context)));
  const failed = checks.some(({ level }) => level === "failure");
  context.print(
    json ? JSON.stringify({ ok: !failed, checks }, null, 2) : checksText(checks, context.program),
  );
  if (!json) context.say(`\n${checksSummary(checks)}`);
  if (failed) process.exitCode = 1;
}

function environment(): Check {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19))
    return { name: "node", level: "ok", message: `Node.js ${node}.` };
  return {
    name: "node",
    level: "failure",
    message: `Node.js ${node} is older than 20.19.`,
    cure: "install Node.js 20.19 or later: https://nodejs.org",
  };
}

/** A configuration that cannot be read has ended the command before this. */
function configuration({ config, configPath }: Context): Check {
  const { host, apiKeys } = config.server;
  const message =
    configPath === null ? "No file; all values are defaults." : `${shownPath(configPath)} is in use.`;
  if (apiKeys.length > 0 || ["127.0.0.1", "::1", "localhost"].includes(host)) {
    return { name: "configuration", level: "ok", message };
  }
  return {
    name: "configuration",
    level: "warning",
    message: `${message} The server listens on ${host} without API keys: everyone who reaches it may do everything.`,
    cure: "set server.apiKeys in upnext.config.ts",
  };
}

/** The checks of the opened directory, or the one thing that keeps it from being opened. */
async function directory(context: Context, user: string | undefined): Promise<readonly Check[]> {
  const path = shownPath(context.config.directory);
  try {
    const instance = await openInstance(context, { readOnly: true });
    const { checks } = await instance.status();
    const answer = user === undefined ? undefined : await instance.recommend(requestOf(user));
    return [
      { name: "directory", level: "ok", message: path },
      ...checks,
      ...(answer === undefined ? [] : userChecks(answer)),
    ];
  } catch (error) {
    if (!(error instanceof UpnextError)) throw error;
    return [
      {
        name: "directory",
        level: "failure",
        message: `${error.code}: ${error.message}`,
        cure: `see docs/errors.md#${error.code}`,
      },
    ];
  }
}

/** Where the log cannot be opened, that was said already. */
async function deeper(context: Context): Promise<readonly Check[]> {
  const { deepChecks } = await import("../deep-checks.ts");
  try {
    return await deepChecks(context);
  } catch (error) {
    if (error instanceof UpnextError) return [];
    throw error;
  }
}

/** With time enough: a process that has just begun says nothing about the server's latency. */
function requestOf(user: string) {
  return { user: user as UserId, limit: 10, log: false, budgetMs: 5_000 as Ms };
}
