/** `upnext state`: user states, and the store that they are in. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { StatePlace } from "../../state/index.ts";
import { count, duration, plural } from "../amounts.ts";
import { checksText } from "../checks-text.ts";
import { programName, shownPath } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { UsageError } from "../failure.ts";
import { openInstance } from "../open-instance.ts";
import { integerFrom, moment } from "../option-parsers.ts";
import { openLog, openStore, ownPlace, placeOf } from "../state-store-of.ts";
import { withContext } from "../with-context.ts";

export function stateCommand(): Command {
  return new Command("state")
    .summary("look at user states, move them to another store, set one up")
    .description("Looks at user states, and at the store that they are in.")
    .addCommand(showCommand())
    .addCommand(migrateCommand())
    .addCommand(setupCommand())
    .addCommand(verifyCommand())
    .addCommand(clearCommand())
    .addHelpText("after", examples);
}

function examples(): string {
  const upnext = programName();
  return `
Examples:
  ${upnext} state show u1 --at 2026-03-01T12:00:00Z
  ${upnext} state setup --place 'dynamodb://upnext-state?region=eu-north-1'
  ${upnext} state migrate --to redis://127.0.0.1:6379 --follow`;
}

/** The forms of a place, for --help. */
const PLACES =
  "lmdb, lmdb:PATH, redis://HOST[?prefix=P], redis-cluster://HOST:PORT,HOST:PORT[?prefix=P], dynamodb://TABLE[?region=R&endpoint=URL]";

interface ShowOptions extends GlobalOptions {
  readonly at?: number;
  readonly offset?: number;
  readonly json?: true;
}

function showCommand(): Command {
  return new Command("show")
    .summary("what is known of a user, now or at a moment of the past")
    .description(
      "Prints the state of a user: now, at a time, or as a request saw it that reflected an offset.",
    )
    .argument("<user>", "the user's id")
    .option("--at <time>", "as it was then: 2026-03-01T12:00:00Z, or milliseconds since 1970", moment)
    .option("--offset <n>", "with every event before this offset", integerFrom(0, Number.MAX_SAFE_INTEGER))
    .option("--json", "the state as JSON")
    .action(withContext("apart", show));
}

async function show(context: Context, { at, offset, json }: ShowOptions, [user = ""]: readonly string[]) {
  if (at !== undefined && offset !== undefined) throw new UsageError("expected --at or --offset, got both.");
  const instance = await openInstance(context, { readOnly: true });
  const state =
    at !== undefined
      ? await instance.stateAt(user, { time: at })
      : offset !== undefined
        ? await instance.stateAt(user, { offset })
        : await instance.state(user);
  const { stateJson, stateText } = await import("../state-text.ts");
  context.print(json ? stateJson(state) : stateText(state));
}

interface MigrateOptions extends GlobalOptions {
  readonly from?: string;
  readonly to: string;
  readonly clear?: true;
  readonly follow?: true;
}

function migrateCommand(): Command {
  return new Command("migrate")
    .summary("move user states to another store while serving goes on")
    .description(
      "Copies all user states into another store, follows the log, and compares every state. It runs beside a server; " +
        "killed, the same command goes on where it was. Then change the configuration and restart the server.",
    )
    .option("--from <place>", "where they are (default: the configuration's store)")
    .requiredOption("--to <place>", PLACES)
    .option("--clear", "remove what the other store holds first")
    .option("--follow", "go on following the log until SIGINT, so that the restart has little to catch up")
    .action(withContext("together", moveStates));
}

async function moveStates(context: Context, options: MigrateOptions) {
  const { config, clock, progress, print, say, shutdown } = context;
  const { catchUp, migrate, placeText } = await import("../../state/index.ts");
  const [fromPlace, toPlace] = [
    placeOf(context, "--from", options.from),
    placeOf(context, "--to", options.to),
  ];
  const [from, to] = [placeText(fromPlace), placeText(toPlace)];
  if (from === to) throw new UsageError(`expected two stores, --from and --to are both ${from}.`);
  if (to === placeText(ownPlace(context))) {
    throw new UsageError(
      `expected another store than that of the configuration as --to: ${to} may be in service. Name it in the configuration when the states are in it.`,
    );
  }
  if (fromPlace.store === "memory") {
    throw new UsageError(
      "the store memory is empty at every start: change the configuration, there is nothing to move.",
    );
  }
  const log = await openLog(context);
  const source = await openStore(context, fromPlace, log);
  const target = await openStore(context, toPlace, log);
  const file = join(config.directory, "migration.json");
  const replace = options.clear === true;
  const report = await migrate({
    source,
    target,
    log,
    logId: log.id,
    from,
    to,
    file,
    replace,
    clock,
    progress,
  });
  const { users, copied, resumed, offset, digest, copyMs, verifyMs } = report;
  const before = resumed ? ", the others by the run that this one went on from" : "";
  print(
    `${plural(users, "user")} of ${from} are in ${to}, with every event before offset ${count(offset)}\n` +
      `  copied ${count(copied)} in ${duration(copyMs)}${before}; compared all in ${duration(verifyMs)}: equal, SHA-256 ${digest.slice(0, 16)}…`,
  );
  say(`next: ${switchTo(toPlace, join(config.directory, "state"))}; then restart the server`);
  if (options.follow !== true) return;
  say(`following the log until SIGINT: change the configuration, stop this, restart the server`);
  const stopped = shutdown.untilSignal();
  let running = true;
  void stopped.then(() => {
    running = false;
  });
  while (running) {
    await catchUp(target, log);
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, FOLLOW_MS))]);
  }
  say(`${await stopped}: ${to} has every event before offset ${count(await catchUp(target, log))}`);
  await shutdown.close();
}

/** How far the copy is behind while it follows. */
const FOLLOW_MS = 100;

/** The only LMDB that a directory is served from is its own. */
function switchTo(place: StatePlace, own: string): string {
  const line = `in the configuration, ${configurationOf(place)}`;
  return place.store === "lmdb" && place.path !== own
    ? `move ${shownPath(place.path)} to ${shownPath(own)}, and ${line}`
    : line;
}

/** The line that puts a store into service; a password is left to the environment. */
function configurationOf(place: StatePlace): string {
  switch (place.store) {
    case "redis":
      return `state: redis({ url: ${secretFree(place.url)}${keyed(place)} })`;
    case "redis-cluster":
      return `state: redisCluster({ nodes: [${place.nodes.map(secretFree).join(", ")}]${keyed(place)} })`;
    case "dynamodb": {
      const { store: _, ...options } = place;
      const keys = Object.entries(options).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
      return `state: dynamodb({ ${keys.join(", ")} })`;
    }
    default:
      return `state: "${place.store}"`;
  }
}

function secretFree(text: string): string {
  return new URL(text).password === "" ? JSON.stringify(text) : "process.env.REDIS_URL";
}

function keyed({ prefix }: { readonly prefix?: string }): string {
  return prefix === undefined ? "" : `, prefix: ${JSON.stringify(prefix)}`;
}

interface PlaceOptions extends GlobalOptions {
  readonly place?: string;
}

function setupCommand(): Command {
  return new Command("setup")
    .summary("make what a store needs before it can be used: a DynamoDB table")
    .description(
      "Makes the table of a DynamoDB store, paid by request, and switches expiry on. May be run again.",
    )
    .option("--place <place>", `which store (default: the configuration's): ${PLACES}`)
    .action(withContext("together", setUp));
}

async function setUp(context: Context, { place: text }: PlaceOptions) {
  const place = placeOf(context, "--place", text);
  if (place.store !== "dynamodb") {
    context.print(`the store ${place.store} needs no setup`);
    return;
  }
  const { setupDynamoDb } = await import("../../state/index.ts");
  context.progress.step("make the table");
  const { table, made, expires } = await setupDynamoDb(place);
  context.print(
    `table ${table}: ${made ? "made" : "it was there"}; ${expires ? "expired rows go by themselves" : "this server does not expire rows; the store does when it sees them"}`,
  );
}

function verifyCommand(): Command {
  return new Command("verify")
    .summary("compare every state of the store with what the log says")
    .description(
      "Folds the log in memory and compares every state of the configured store with it, beside a server. Exit code 1 where one differs.",
    )
    .action(withContext("apart", verify));
}

async function verify(context: Context) {
  const { stateCheck } = await import("../deep-checks.ts");
  const check = await stateCheck(context, await openLog(context));
  context.print(checksText([check], context.program));
  if (check.level === "failure") process.exitCode = 1;
}

interface ClearOptions extends PlaceOptions {
  readonly yes?: true;
}

function clearCommand(): Command {
  return new Command("clear")
    .summary("empty the store; the next start fills it from the log")
    .description(
      "Removes all user states of a store. They are a fold of the log: the next start fills it again.",
    )
    .option("--place <place>", `which store (default: the configuration's): ${PLACES}`)
    .option("--yes", "do it")
    .action(withContext("together", clear));
}

async function clear(context: Context, { place: text, yes }: ClearOptions) {
  const { placeText } = await import("../../state/index.ts");
  const place = placeOf(context, "--place", text);
  if (yes !== true)
    throw new UsageError(`expected --yes: it removes all user states in ${placeText(place)}.`);
  if (place.store !== "memory") {
    await holdLog(context);
    // Also the states of another log: that may be why they are to go.
    const store = await openStore(context, place);
    await store.clear();
  }
  context.print(`${placeText(place)} is empty; the next start fills it from the log`);
}

/** Nobody may be serving from the store: that process would go on with what it remembers of it. */
async function holdLog({ config, clock, shutdown }: Context): Promise<void> {
  const directory = join(config.directory, "log");
  if (!existsSync(directory)) return;
  const { openFileLog } = await import("../../events/index.ts");
  const log = await openFileLog(directory, { clock });
  shutdown.defer(() => log.close());
}
