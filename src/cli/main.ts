#!/usr/bin/env node
/** The command line's entry. */
import { end, run } from "./program.ts";

// `upnext … | head` closes the pipe early, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.on("uncaughtException", end);
process.on("unhandledRejection", end);
process.exitCode = await run(process.argv.slice(2));
