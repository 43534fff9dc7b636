/** A small system with a console to look at: simulated viewers' log, a bundle, a server; and a browser of the host's. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { systemClock } from "../../src/core/index.ts";
import { createMetrics } from "../../src/monitoring/index.ts";
import { evidenceOf } from "../../src/release/index.ts";
import { createServer, type Server } from "../../src/serving/index.ts";
import { simulate } from "../../src/simulation/index.ts";
import { open, type Upnext } from "../../src/upnext.ts";
import { madeTradeoffs } from "../release/made-tradeoffs.ts";

const CHROMIUM = "/usr/bin/chromium";
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Whether there is a browser; where tests must not be skipped, its absence is a failure. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  if (process.env["UPNEXT_REQUIRE_SERVERS"] === "1")
    throw new Error(`expected ${CHROMIUM}: apt-get install chromium`);
  console.warn(`the console is not tested: there is no ${CHROMIUM}`);
  return false;
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** Builds the console where its sources are newer: whoever runs one test file has not built before. */
export function ensureConsole(): void {
  const built = join(root, "dist/console/index.html");
  const sources = join(root, "console");
  const newest = Math.max(
    ...readdirSync(sources, { recursive: true }).map((name) => statSync(join(sources, String(name))).mtimeMs),
  );
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return;
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, "node_modules/vite/bin/vite.js"), "build", "-c", join(sources, "vite.config.ts")],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
}

export interface Demo {
  readonly url: string;
  readonly upnext: Upnext;
  readonly server: Server;
  close(): Promise<void>;
}

/** @param filled whether there is a log, and a bundle trained on it */
export async function startDemo({ filled }: { readonly filled: boolean }): Promise<Demo> {
  const directory = await mkdtemp(join(tmpdir(), "upnext-console-"));
  const metrics = createMetrics();
  const upnext = await open({
    directory,
    metrics,
    config: {
      // Nothing is late, however busy the machine is.
      budgetMs: 30_000,
      slo: { p99Ms: 30_000 },
      state: { store: "memory" },
      training: { holdOut: 0.1, rankerShare: 0.3, maxLists: 150, timeBudget: 300 },
    },
  });
  if (filled) {
    const end = systemClock.now();
    for (const batch of simulate({ users: 60, videos: 160, events: 3_000, end })) await upnext.track(batch);
    await upnext.train();
  }
  const server = await createServer({
    recommender: upnext,
    metrics,
    clock: systemClock,
    settings: { port: 0, budgetMs: 30_000 },
  });
  const { url } = await server.listen();
  return {
    url,
    upnext,
    server,
    async close() {
      await server.close();
      await upnext.close();
      metrics.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** A second bundle, whose ranker was chosen by measured trade-offs: numbers that no machine has measured. */
export async function trainByTradeoffs(upnext: Upnext): Promise<void> {
  const evidence = evidenceOf(
    madeTradeoffs({
      rungs: [
        { name: "logistic", quality: 0.31, p99: 9, cpu: 4 },
        { name: "feature-network", quality: 0.36, p99: 17, cpu: 7 },
        { name: "history-attention", quality: 0.37, p99: 71, cpu: 30 },
      ],
    }),
  );
  await upnext.train(undefined, { evidence });
}

export interface Visit {
  readonly page: Page;
  /** Errors of the page and of its console, and requests to other hosts. */
  readonly complaints: string[];
}

/** A page that remembers what went wrong in it. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}
