/** The console: how soon its first view can be used, how much script that is, and what ten open pages cost the server. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

export const about =
  "The console on a demo of 400 users and 1,500 videos, without its viewers: first view interactive (median of 7 visits, " +
  "each in a fresh context of the browser), script, and CPU of the server with and without ten readers of live figures.";

const root = fileURLToPath(new URL("..", import.meta.url));
const VISITS = 7;
const READERS = 10;
const ROUNDS = 3;
const ROUND_MS = 10_000;

/** @param args a directory of `upnext start` to go on with; else one is made, which takes a minute or two */
export async function run([directory]: readonly string[]) {
  const own = directory ?? mkdtempSync(join(tmpdir(), "upnext-bench-console-"));
  // Nobody watches videos: what is left is what readers cost.
  const sizes = ["--users", "400", "--videos", "1500", "--events", "30000", "--viewers", "0"];
  const main = join(root, "dist", "cli", "main.js");
  const server = spawn(process.execPath, [main, "start", "--dir", own, "--port", "0", ...sizes], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  try {
    const url = await addressOf(server.stdout);
    const firstView = await visits(url);
    const [idle, read] = await costs(url, server.pid!);
    return {
      firstViewMs: median(firstView),
      firstViewMsAll: firstView,
      scriptGzipBytes: scriptBytes(),
      readers: READERS,
      coreShareIdle: idle,
      coreShareWithReaders: read,
      coreShareOfReaders: round(median(read) - median(idle)),
    };
  } finally {
    server.kill("SIGTERM");
    await ended;
    if (directory === undefined) rmSync(own, { recursive: true, force: true });
  }
}

async function addressOf(out: AsyncIterable<Buffer> & { resume(): void }): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    void (async () => {
      for await (const chunk of out) {
        said += String(chunk);
        const url = /serving on (http:\/\/\S+)/.exec(said)?.[1];
        if (url !== undefined) resolve(url);
      }
      reject(new Error("console: expected the demo to serve, it ended"));
    })();
  });
}

/** Milliseconds from the navigation to a slate whose first button takes the focus. */
async function visits(url: string): Promise<number[]> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const taken: number[] = [];
  // The first visit starts the browser's own processes and is not counted.
  for (let i = 0; i <= VISITS; i++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    await page.focus(".slate .watch");
    const ms = Math.round(Number(await page.evaluate("performance.now()")));
    if (i > 0) taken.push(ms);
    await context.close();
  }
  await browser.close();
  return taken;
}

/** Shares of a core that the server takes, without and with readers, in turn. */
async function costs(url: string, pid: number): Promise<readonly [idle: number[], read: number[]]> {
  const [idle, read]: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    idle.push(await shareOver(pid));
    const stop = new AbortController();
    const readers = Array.from({ length: READERS }, async () => {
      const { body } = await fetch(`${url}/v1/live`, { signal: stop.signal });
      for await (const _ of body!) void _;
    });
    await sleep(1_000);
    read.push(await shareOver(pid));
    stop.abort();
    await Promise.allSettled(readers);
  }
  return [idle, read];
}

async function shareOver(pid: number): Promise<number> {
  const [before, start] = [cpuMs(pid), performance.now()];
  await sleep(ROUND_MS);
  return round((cpuMs(pid) - before) / (performance.now() - start));
}

/** Of all threads of the process. Ticks of a hundredth of a second would be too coarse for what is looked for. */
function cpuMs(pid: number): number {
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(join(threads, thread, "schedstat"), "utf8").split(" ");
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}

function scriptBytes(): number {
  const assets = join(root, "dist", "console", "assets");
  const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
  return scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
