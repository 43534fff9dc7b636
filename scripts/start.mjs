// `npm start`: from a fresh clone to a running recommender. Installs what is missing, builds what is stale, then becomes
// `upnext start` in this very process: signals, the terminal and the exit code are its own.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, root } from "./ensure.mjs";

ensureInstalled();
ensureBuilt();

const main = join(root, "dist", "cli", "main.js");
process.argv = [process.execPath, main, "start", ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
