/** Binds a command's work to commander; everything heavy is loaded when a command runs, so that --help is quick. */
import type { Command } from "commander";
import type { Context, GlobalOptions } from "./context.ts";

/**
 * The action of a command: makes the context, does the work, and closes what the work has opened, whatever happened.
 *
 * @param results see `createContext`
 */
export function withContext<Options extends GlobalOptions>(
  results: "apart" | "together",
  work: (context: Context, options: Options, args: readonly string[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const { createContext } = await import("./context.ts");
    // The parsers of the options have checked them; commander knows no more of their types than their names.
    const options = command.optsWithGlobals<Options>();
    const context = await createContext(options, results);
    const { shutdown } = context;
    try {
      await work(context, options, command.args);
      if (shutdown.signal === undefined) await shutdown.close();
    } catch (error) {
      // What work says when it is closed under its hands is no news; the signal's own end is under way.
      if (shutdown.signal !== undefined) await new Promise(() => {});
      await shutdown.close().catch(() => {});
      throw error;
    }
  };
}
