/** Child processes that do real work until they are killed, and say on their standard output how far they are. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A child that has not begun by then never will. */
const PATIENCE_MS = 60_000;

export interface Child {
  readonly process: ChildProcess;
  /** Whole lines of output so far. What the last line lacked when the child ended is not among them. */
  readonly lines: readonly string[];
  /** Resolves with the first line that begins with `mark`, or with undefined where the child ends without one. */
  said(mark: string): Promise<string | undefined>;
  tell(line: string): void;
  /** SIGKILL, and waits for the end and the rest of the output. */
  kill(): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** What it wrote to its standard error, cut. */
  complaint(): string;
}

/** Calls `name(...args)` of the module `file` beside this one in a process of its own. */
export function work(file: string, name: string, args: readonly string[]): Child {
  return script(`
    const work = await jiti.import(${JSON.stringify(HERE + file)});
    await work.${name}(...${JSON.stringify(args)});`);
}

/** The command line as a process of its own, from the sources. */
export function commandLine(directory: string, args: readonly string[]): Child {
  const argv = JSON.stringify(["node", "upnext", ...args]);
  return script(
    `process.argv = ${argv}; await jiti.import(${JSON.stringify(`${ROOT}src/cli/main.ts`)});`,
    directory,
  );
}

function script(body: string, cwd = ROOT): Child {
  const text = `
    import { createRequire } from "node:module";
    const { createJiti } = createRequire(${JSON.stringify(import.meta.url)})("jiti");
    const jiti = createJiti(${JSON.stringify(import.meta.url)});
    ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], {
    cwd,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Set<(line: string | undefined) => void>();
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (complaint.length < 4000) complaint += chunk.toString();
  });
  const killed = () => void child.kill("SIGKILL");
  process.prependListener("exit", killed); // before the directory goes that it works in
  child.stdin.on("error", () => {}); // it may be gone when it is told something
  const output = wholeLines(child, (line) => {
    lines.push(line);
    for (const listener of waiting) listener(line);
  });
  const ended = (async () => {
    const [[code, signal]] = await Promise.all([once(child, "exit"), output]);
    process.off("exit", killed);
    for (const listener of waiting) listener(undefined);
    return { code, signal };
  })();
  return {
    process: child,
    lines,
    ended,
    complaint: () => complaint,
    tell: (line) => void child.stdin.write(`${line}\n`),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    said(mark) {
      const found = lines.find((line) => line.startsWith(mark));
      if (found !== undefined || child.exitCode !== null || child.signalCode !== null)
        return Promise.resolve(found);
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`a child did not say "${mark}" in ${PATIENCE_MS} ms: ${complaint}`)),
          PATIENCE_MS,
        );
        const listener = (line: string | undefined) => {
          if (line !== undefined && !line.startsWith(mark)) return;
          clearTimeout(late);
          waiting.delete(listener);
          resolve(line);
        };
        waiting.add(listener);
      });
    },
  };
}

/** A line without its end was cut off by the kill, and counts as not said. */
async function wholeLines(child: ChildProcess, take: (line: string) => void): Promise<void> {
  let rest = "";
  child.stdout!.setEncoding("utf8");
  for await (const chunk of child.stdout!) {
    const pieces = (rest + chunk).split("\n");
    rest = pieces.pop()!;
    for (const piece of pieces) take(piece);
  }
}
