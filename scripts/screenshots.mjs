// `npm run screenshots`: every view of the console, in light and dark, at the width of a phone and of a desk, into
// build/screenshots. Of a demo system that it makes there, or of the server at UPNEXT_URL. It needs Debian's chromium.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
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
  experiments: "experiments",
  "experiments-start": "experiments?start=1",
  "explore-items": "explore?look=items&item=v7",
  "explore-users": "explore?look=users&user=u7",
  "explore-segments": "explore?look=segments",
  "explore-shown": "explore?look=exposure",
};
const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 } };
/** What is done in a view before it is taken. */
const ACTS = {
  "feed-watched": (page) => page.locator(".slate .watch").nth(2).click(),
  "what-if": async (page) => {
    for (const box of (await page.locator(".checks input").all()).slice(0, 3)) await box.check();
    await page.locator(".search .row").nth(1).click();
  },
};
/** Live figures come each second; some of them make a curve. */
const LIVE_MS = 8_000;
const QUIET_MS = 1_500;

ensureInstalled();
ensureBuilt();
const out = join(root, "build", "screenshots");
mkdirSync(out, { recursive: true });
const demo =
  process.env.UPNEXT_URL === undefined ? await startDemo() : { url: process.env.UPNEXT_URL, stop() {} };
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport, colorScheme });
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`${size}/${colorScheme}: ${error.message}`));
      for (const [name, path] of Object.entries(VIEWS)) {
        await page.goto(`${demo.url}/console/${path}`);
        await page.waitForSelector("h1");
        await page.waitForTimeout(name.startsWith("system") ? LIVE_MS : QUIET_MS);
        await ACTS[name]?.(page);
        if (ACTS[name] !== undefined) await page.waitForTimeout(QUIET_MS);
        // All of a phone's page, with its bars at their ends.
        const height = await page.evaluate("document.documentElement.scrollHeight");
        if (size === "phone") await page.setViewportSize({ ...viewport, height });
        await page.screenshot({ path: join(out, `${name}-${size}-${colorScheme}.png`) });
        await page.setViewportSize(viewport);
      }
      await context.close();
    }
  }
  console.log(`screenshots: ${join("build", "screenshots")}`);
} finally {
  await browser.close();
  demo.stop();
}

/** A small platform with its viewers, in a directory that the next run goes on with. */
async function startDemo() {
  const args = ["start", "--dir", join(root, "build", "screenshots-demo"), "--port", "0"];
  const sizes = ["--users", "400", "--videos", "1500", "--events", "30000"];
  const child = spawn(process.execPath, [join(root, "dist", "cli", "main.js"), ...args, ...sizes], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    const url = /serving on (http:\/\/\S+)/.exec(said)?.[1];
    // What comes later is nobody's business, but has to be read.
    if (url !== undefined) {
      child.stdout.resume();
      return { url, stop: () => child.kill("SIGTERM") };
    }
  }
  throw new Error("screenshots: expected the demo to serve, it ended");
}
