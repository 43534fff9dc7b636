/** Runs the built command line as a person does: a process of its own, in a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

if (!existsSync(MAIN)) throw new Error("dist/cli/main.js is not there; run: npm run build");

const made: string[] = [];

/** A fresh working directory. */
export function workingDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "upnext-cli-"));
  made.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

export interface Ended {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with stdout so far once it matches; rejects when the process ends before. */
  said(pattern: RegExp): Promise<string>;
}

/** Starts `upnext ...args` in `cwd`. PORT and HOST of the caller are not handed on. */
export function start(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const { PORT: _, HOST: __, UPNEXT_DEBUG: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...inherited, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return {
    process: child,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(stdout)) resolve(stdout);
        };
        child.stdout.on("data", look);
        look();
        void ended.then(({ code }) => reject(new Error(`ended with ${code}\n${stdout}\n${stderr}`)));
      }),
  };
}

export function cli(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return start(cwd, args).ended;
}
