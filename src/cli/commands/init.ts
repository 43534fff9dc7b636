/** `upnext init`: a configuration file with every key and its default, to edit. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { CONFIG_FILES } from "../../config/index.ts";
import { UpnextError } from "../../core/index.ts";
import { programName } from "../command-line.ts";

const TEMPLATE = `/**
 * The configuration of upnext. Every key may be left out; those below are the defaults.
 *
 *   npx upnext import ratings.csv     reads your data into the log
 *   npx upnext train                  trains on the log
 *   npx upnext serve                  answers on http://127.0.0.1:8080
 *   npx upnext doctor                 says what is missing, and how to mend it
 */
import { defineConfig } from "upnext";

export default defineConfig({
  // Log, user states and trained bundles; relative to this file.
  directory: ".upnext",

  server: {
    host: "127.0.0.1",
    port: 8080,
    // Without keys, everyone who reaches the server may do everything. The digest of a key:
    //   printf %s "$KEY" | sha256sum
    // apiKeys: [{ name: "app", sha256: "…", scopes: ["read", "write"] }],
  },

  // Milliseconds that a recommendation may take.
  budgetMs: 50,

  // What "upnext tradeoffs" chooses a ranker by: P99 of a recommendation, and the share of it that stays free for load.
  slo: { p99Ms: 50, margin: 0.2 },

  // Where user states are: "lmdb" in a file here, "memory" read from the log again at every start, or elsewhere:
  //   import { dynamodb, redis, redisCluster } from "upnext";
  //   state: redis({ url: "redis://127.0.0.1:6379" }),
  state: { store: "lmdb", touches: 512, vetoes: 256 }, // maxAge: "400d" forgets older touches

  // Everything is kept where retention says nothing: { maxAge: "400d", maxBytes: "20GB" }
  log: { retention: {} },

  retrieval: {
    candidates: 500,
    perSource: 1000,
    // sources: ["transitions", "als", "popular"], // all of them where absent
  },

  // What a predicted action is worth in the score, by its name; the ranker's own weights where absent.
  ranking: { headWeights: {} },

  // At most so many items of one creator in an answer (0: no cap), and how unlike each other items should be (0 to 1).
  // A share of the slots for random items of the head of the ranking (explore: 0.05): see upnext off-policy.
  policy: { maxPerCreator: 3, diversity: 0.1, explore: 0 },

  seed: 1,
});
`;

export function initCommand(): Command {
  return new Command("init")
    .summary("write upnext.config.ts with every default, to edit")
    .description("Writes upnext.config.ts into the current directory. Refuses to overwrite a configuration.")
    .action(writeConfig);
}

async function writeConfig(): Promise<void> {
  const there = CONFIG_FILES.find((name) => existsSync(join(process.cwd(), name)));
  if (there !== undefined) throw refusal(there);
  try {
    await writeFile("upnext.config.ts", TEMPLATE, { flag: "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw refusal("upnext.config.ts");
    throw error;
  }
  const program = programName();
  process.stdout.write(
    `wrote upnext.config.ts

Next, with your own data:
  ${program} import ratings.csv
  ${program} train
  ${program} serve
or with a simulated video platform:
  ${program} start
`,
  );
}

function refusal(name: string): UpnextError {
  return new UpnextError(
    "invalid_config",
    `${name}: expected no configuration here, it exists. Edit it, or remove it first.`,
  );
}
