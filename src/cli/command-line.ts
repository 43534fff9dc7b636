/** Lines that can be pasted: how this very program is called from the current directory. */
import { relative, sep } from "node:path";

/** `npx upnext` where the package is installed, `node dist/cli/main.js` in its own checkout. */
export function programName(main = process.argv[1] ?? "", cwd = process.cwd()): string {
  if (main.split(sep).includes("node_modules") || !main.endsWith(".js")) return "npx upnext";
  const path = relative(cwd, main);
  return `node ${quoted(path.startsWith("..") ? main : path)}`;
}

/** A line of another folder, that names the program as an installed package does, as it is called here. */
export function calledHere(line: string, program: string): string {
  return line.replaceAll("npx upnext", program);
}

/** `word` as one word of a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** `path` as one would type it here. */
export function shownPath(path: string, cwd = process.cwd()): string {
  const below = relative(cwd, path);
  return below === "" ? "." : below.startsWith("..") ? path : below;
}
