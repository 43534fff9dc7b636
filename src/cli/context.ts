/** What a command runs with: the configuration, where it writes, its progress, and how it ends. */
import { resolve } from "node:path";
import { loadConfig, type ResolvedConfig } from "../config/index.ts";
import { type Clock, systemClock } from "../core/index.ts";
import { chooseProgress } from "./choose-progress.ts";
import { programName, quoted } from "./command-line.ts";
import { Shutdown } from "./shutdown.ts";
import type { TerminalProgress } from "./terminal-progress.ts";

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly dir?: string;
  readonly config?: string;
  readonly quiet?: boolean;
}

export interface Context {
  /** `directory` is absolute, and that of --dir where it was given. */
  readonly config: ResolvedConfig;
  /** null where there is no configuration file. */
  readonly configPath: string | null;
  /** Whether --dir was given. */
  readonly directoryGiven: boolean;
  readonly clock: Clock;
  readonly progress: TerminalProgress;
  readonly shutdown: Shutdown;
  /** This program with its options for the directory, for lines that can be pasted. */
  readonly program: string;
  /** A result, to stdout. */
  print(text: string): void;
  /** What a person may like to know: like a result, but not with --quiet. */
  say(text: string): void;
}

/**
 * @param results where progress goes: "apart" (stderr) for commands whose stdout others read, otherwise with the rest
 */
export async function createContext(options: GlobalOptions, results: "apart" | "together"): Promise<Context> {
  const loaded = await loadConfig(process.cwd(), options.config);
  const directory = options.dir === undefined ? loaded.config.directory : resolve(options.dir);
  const stream = results === "apart" ? process.stderr : process.stdout;
  const progress = chooseProgress(stream, systemClock, options.quiet === true);
  const shutdown = new Shutdown((signal) => {
    progress.stop();
    process.stderr.write(
      `stopped by ${signal}; nothing that was acknowledged is lost, and the same command goes on\n`,
    );
  });
  shutdown.defer(() => progress.stop());
  const print = (text: string) => {
    progress.end();
    process.stdout.write(`${text}\n`);
  };
  return {
    config: { ...loaded.config, directory },
    configPath: loaded.path,
    directoryGiven: options.dir !== undefined,
    clock: systemClock,
    progress,
    shutdown,
    program: programWith(options),
    print,
    say: options.quiet === true ? () => {} : print,
  };
}

function programWith({ dir, config }: GlobalOptions): string {
  const option = (name: string, value: string | undefined) =>
    value === undefined ? "" : ` ${name} ${quoted(value)}`;
  return `${programName()}${option("--dir", dir)}${option("--config", config)}`;
}
