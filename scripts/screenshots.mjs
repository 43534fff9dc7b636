// `npm run screenshots`: every view of the console, in light and dark, at the width of a phone and of a desk, into
// build/screenshots; and what a server says that has nothing. Of a demo system that it makes there, or of the server at
// UPNEXT_URL. It needs Debian's chromium.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, root } from "./ensure.mjs";

const VIEWS = {
  feed: "feed?user=u7",
  "feed-watched": "feed?user=u12",
  "feed-nobody": "feed?user=nobody-yet",
  why: "why?user=u7",
  "why-not": "why?user=u7&ask=not&not=v12",
  "what-if": "why?user=u7&ask=if",
  system: "system?user=u7",
  "system-rank": "system?box=rank",
  tradeoffs: "tradeoffs",
  training: "training",
  "experiments-start": "experiments?start=1",
  "explore-items": "explore?look=items&item=v7",
  "explore-users": "explore?look=users&user=u7",
  "explore-segments": "explore?look=segments",
  "explore-exposure": "explore?look=exposure",
  "explore-features": "explore?look=features",
  // Last: users come to the experiment all the while.
  experiments: "experiments",
};
/** What a server says that has nothing, and one that has gone. */
const BARE = { feed: "feed", tradeoffs: "tradeoffs", training: "training", system: "system" };
const SIZES = {
  phone: { width: 390, height: 844 },
  desk: { width: 1440, height: 900 },
  // The limits of what is promised; in one colour each.
  narrow: { width: 360, height: 740, only: "light" },
  wide: { width: 2560, height: 1440, only: "dark" },
};
/** What is done in a view before it is taken. */
const ACTS = {
  "feed-watched": (page) => page.locator(".slate .watch").nth(2).click(),
  "what-if": async (page) => {
    for (const box of (await page.locator(".checks input").all()).slice(0, 3)) await box.check();
    await page.locator(".search .row").nth(1).click();
  },
  "explore-features": async (page) => {
    await page.getByRole("button", { name: "Look" }).click();
    await page.locator(".drift").waitFor({ timeout: LOOK_MS });
  },
};
/** A look at features reads the log by a process that lets all others go first. */
const LOOK_MS = 300_000;
/** Live figures come each second; some of them make a curve. */
const LIVE_MS = 8_000;
const QUIET_MS = 1_500;

ensureInstalled();
ensureBuilt();
/** `npm run screenshots -- feed` takes the views alone whose name begins so. */
const wanted = process.argv[2] ?? "";
const out = join(root, "build", "screenshots");
mkdirSync(out, { recursive: true });
const demo =
  process.env.UPNEXT_URL === undefined ? await startDemo() : { url: process.env.UPNEXT_URL, stop() {} };
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  if (process.env.UPNEXT_URL === undefined) await startExperiment(demo.url);
  for (const [size, { only, ...viewport }] of Object.entries(SIZES)) {
    for (const colorScheme of only === undefined ? ["light", "dark"] : [only]) {
      const shots = await openPage(viewport, colorScheme, `${size}-${colorScheme}`);
      for (const [name, path] of Object.entries(VIEWS)) {
        if (!name.startsWith(wanted)) continue;
        await shots.page.goto(`${demo.url}/console/${path}`);
        await shots.page.waitForSelector("h1");
        await shots.page.waitForTimeout(name.startsWith("system") ? LIVE_MS : QUIET_MS);
        await ACTS[name]?.(shots.page);
        if (ACTS[name] !== undefined) await shots.page.waitForTimeout(QUIET_MS);
        await shots.take(name);
      }
      await shots.close();
    }
  }
  if (wanted === "") await takeBare();
  console.log(`screenshots: ${join("build", "screenshots")}`);
} finally {
  await browser.close();
  await demo.stop();
}

async function openPage(viewport, colorScheme, kind) {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`${kind}: ${error.message}`));
  return {
    page,
    close: () => context.close(),
    async take(name) {
      // All of a phone's page, with its bars at their ends.
      const height = await page.evaluate("document.documentElement.scrollHeight");
      if (viewport.width < 600) await page.setViewportSize({ ...viewport, height });
      await page.screenshot({ path: join(out, `${name}-${kind}.png`) });
      await page.setViewportSize(viewport);
    },
  };
}

/** A server over an empty directory, and what its pages say when it has ended. */
async function takeBare() {
  const directory = mkdtempSync(join(tmpdir(), "upnext-bare-"));
  const server = await startServer(["serve", "--dir", directory, "--port", "0"]);
  const shots = await openPage(SIZES.phone, "light", "phone-light");
  try {
    for (const [name, path] of Object.entries(BARE)) {
      await shots.page.goto(`${server.url}/console/${path}`);
      await shots.page.waitForTimeout(QUIET_MS);
      await shots.take(`empty-${name}`);
    }
    await server.stop();
    await shots.page.getByRole("link", { name: "Experiments" }).click();
    await shots.page.waitForTimeout(LIVE_MS);
    await shots.take("stopped");
  } finally {
    await server.stop();
    await shots.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Something to watch, where nothing was begun yet. */
async function startExperiment(url) {
  const { experiments } = await (await fetch(`${url}/v1/experiments`)).json();
  if (experiments.length > 0) return;
  const answer = await fetch(`${url}/v1/experiments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      name: "no-diversity",
      arms: [
        { name: "A", share: 0.5 },
        { name: "B", share: 0.5, policy: { diversity: 0 } },
      ],
      about: "Is the best of each kind enough?",
    }),
  });
  if (!answer.ok) throw new Error(`screenshots: ${await answer.text()}`);
}

/** A small platform with its viewers, in a directory that the next run goes on with. */
function startDemo() {
  const sizes = ["--users", "400", "--videos", "1500", "--events", "30000"];
  return startServer(["start", "--dir", join(root, "build", "screenshots-demo"), "--port", "0", ...sizes]);
}

async function startServer(args) {
  const child = spawn(process.execPath, [join(root, "dist", "cli", "main.js"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    const url = /(?:serving|listening) on (http:\/\/\S+)/.exec(said)?.[1];
    // What comes later is nobody's business, but has to be read.
    if (url !== undefined) {
      child.stdout.resume();
      const stop = () => {
        child.kill("SIGTERM");
        return ended;
      };
      return { url, stop };
    }
  }
  throw new Error("screenshots: expected a server to serve, it ended");
}
