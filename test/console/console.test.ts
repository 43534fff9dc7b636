/** The console in a real browser, on a small system. */
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { barriersIn, tabThrough } from "./access.ts";
import {
  type Demo,
  ensureConsole,
  hasBrowser,
  openBrowser,
  startDemo,
  trainByTradeoffs,
  type Visit,
  visit,
} from "./demo.ts";

const VIEWS = ["feed", "why", "system", "tradeoffs", "training", "experiments", "explore"] as const;
const CARDS = ".slate .card";

describe.skipIf(!hasBrowser())("the console", () => {
  let browser: Browser;
  let demo: Demo;
  let visits: Visit[] = [];

  beforeAll(async () => {
    ensureConsole();
    [browser, demo] = await Promise.all([openBrowser(), startDemo({ filled: true })]);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await demo?.close();
  });
  afterEach(async () => {
    const complaints = visits.flatMap((each) => each.complaints);
    await Promise.all(visits.map(({ page }) => page.context().close()));
    visits = [];
    expect(complaints).toEqual([]);
  });

  async function at(path: string, options?: Parameters<typeof visit>[2]): Promise<Page> {
    const opened = await visit(browser, demo.url + path, options);
    visits.push(opened);
    return opened.page;
  }
  const endOfLog = async () => (await demo.upnext.status()).log.end;

  it("shows a training while it runs, and the bundle that it made", async () => {
    const page = await at("/console/training");
    await page.waitForSelector(".release");
    const training = trainByTradeoffs(demo.upnext);
    await page.getByText("A training is under way").waitFor();
    await page.waitForSelector(".steps .live");
    await training;
    await page.getByText("The newest training").waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".release").length === 2);
    expect(await page.locator(".steps li").count()).toBeGreaterThan(5);
  });

  it("opens at the address of the server, with a slate for the user who came last", async () => {
    const page = await at("/");
    await page.waitForSelector(CARDS);
    expect(await page.locator(CARDS).count()).toBe(12);
    expect(page.url()).toMatch(/\/console\/feed\?user=u\d+$/);
    // A machine that is busy with other tests may leave out ranking: then there are fewer.
    expect(await page.locator(".stages li").count()).toBeGreaterThanOrEqual(5);
    expect(await page.title()).toBe("Feed · upnext");
  });

  it("shows a watch in the state at once, and the next slate without the video", async () => {
    const page = await at("/console/feed?user=u1");
    await page.waitForSelector(CARDS);
    const item = await page.locator(CARDS).nth(2).getAttribute("data-flip");
    const before = await demo.upnext.state("u1");
    await page.locator(`[data-flip="${item}"] .watch`).click();
    await page.waitForFunction(() => document.querySelector(".said")?.textContent?.startsWith("Watched"));
    const after = await demo.upnext.state("u1");
    expect(after.touches[0]).toMatchObject({ item, type: "watch", value: 0.95 });
    expect(after.touches.length).toBe(before.touches.length + 1);
    expect(await page.locator(".state li").first().textContent()).toContain("watched 95 %");
    expect(await page.locator(`.slate [data-flip="${item}"]`).count()).toBe(0);
  });

  it("takes a like and a dismissal", async () => {
    const page = await at("/console/feed?user=u2");
    await page.waitForSelector(CARDS);
    await page.getByRole("button", { name: /^Like/ }).first().click();
    await page.waitForSelector(".state .by-like");
    await page
      .getByRole("button", { name: /^Dismiss/ })
      .first()
      .click();
    await page.waitForSelector(".state .by-dislike");
    const { touches, vetoes } = await demo.upnext.state("u2");
    expect([touches[0]?.type, vetoes[0]?.type]).toEqual(["like", "dislike"]);
  });

  it("helps with a user who has no history, and makes up a new one", async () => {
    const page = await at("/console/feed?user=nobody-yet");
    await page.waitForSelector(CARDS);
    expect(await page.locator(".said").textContent()).toContain("Nothing is known of this user yet");
    await page.getByRole("button", { name: "Someone new" }).click();
    await page.waitForURL(/user=guest-/);
  });

  it("says why an item is there: score, sources, features", async () => {
    const page = await at("/console/why?user=u3");
    await page.waitForSelector(".why-item");
    await page.locator(".rows a").nth(4).click();
    expect(page.url()).toContain("item=");
    expect(await page.locator(".rows a").nth(4).getAttribute("aria-current")).toBe("true");
    expect(await page.locator(".figures tbody tr").count()).toBeGreaterThan(0);
    expect(await page.locator(".sources li").count()).toBeGreaterThan(5);
    expect(await page.locator(".apart li").count()).toBeGreaterThan(3);
  });

  it("says why another one is not there, and where it was lost", async () => {
    const touched = (await demo.upnext.state("u3")).touches[0]!.item;
    const page = await at("/console/why?user=u3&ask=not");
    await page.getByRole("searchbox").fill(touched);
    // By its whole id: what stood there before the search may have an id that begins alike.
    const id = page.locator("code", { hasText: new RegExp(`^${touched}$`) });
    await page.locator(".search .row", { has: id }).click();
    await page.waitForSelector(".way .lost");
    expect(await page.locator(".way .lost b").textContent()).toBe("Filters");
    expect(await page.locator(".verdict").textContent()).toMatch(/\S/);
  });

  it("supposes another state, and stores nothing", async () => {
    const page = await at("/console/why?user=u4&ask=if");
    await page.waitForSelector(".checks input");
    const [before, end] = [await demo.upnext.state("u4"), await endOfLog()];
    for (const box of (await page.locator(".checks input").all()).slice(0, 4)) await box.check();
    await page.waitForFunction(() =>
      document.querySelector(".compared .said")?.textContent?.includes("would"),
    );
    await page.locator(".search .row").nth(1).click();
    await page.waitForSelector(".added");
    await page.locator('input[type="range"]').first().fill("0.2");
    await page.waitForSelector('.compared[aria-busy="false"]');
    expect(await demo.upnext.state("u4")).toEqual(before);
    expect(await endOfLog()).toBe(end);
  });

  it("shows the system live, and the history of a box", async () => {
    const page = await at("/console/system");
    await page.waitForSelector(".pulse.open");
    await demo.upnext.recommend({ user: "u5", log: false });
    await page.waitForFunction(() =>
      /\d/.test(document.querySelector(".box-rank .figure")?.textContent ?? ""),
    );
    await page.locator(".box-rank").click();
    await page.waitForSelector(".details .u-wrap");
    expect(await page.locator("#box-title").textContent()).toBe("Stage: rank");
    expect(page.url()).toContain("box=rank");
  });

  it("draws the trade-offs behind a bundle, marks the choice, and compares it with another", async () => {
    const [newest, before] = await demo.upnext.releases();
    const page = await at(`/console/tradeoffs?bundle=${newest!.bundle}`);
    await page.waitForSelector(".frontier .rung");
    expect(await page.locator(".frontier .rung").count()).toBe(3);
    expect(await page.locator(".frontier .chosen text").textContent()).toBe("feature network");
    expect(await page.locator(".chosen-text").textContent()).toContain("feature-network serves");
    await page.getByLabel("Compared with").selectOption(before!.bundle);
    await page.waitForSelector(".dots .hollow");
  });

  it("lists the bundles, and rolls back and forth", async () => {
    const current = (await demo.upnext.status()).bundle!.id;
    const page = await at("/console/training");
    await page.waitForSelector(".release");
    await page.locator(".release", { hasText: "before it" }).click();
    await page.getByRole("button", { name: "Roll back to it" }).click();
    await page.waitForSelector(".serves");
    const rolled = (await demo.upnext.status()).bundle!.id;
    expect(rolled).not.toBe(current);
    expect(await page.locator(".gate li").count()).toBeGreaterThan(5);
  });

  it("starts an experiment, shows what comes of it as users come, and stops it", async () => {
    const page = await at("/console/experiments");
    await page.getByText("No experiment was started yet").waitFor();
    await page.getByLabel("What B does otherwise").selectOption("explore");
    await page.getByLabel("Its name").fill("more-chance");
    await page.getByLabel("Why (kept with it)").fill("what is shown too rarely");
    await page.getByRole("button", { name: "Start it" }).click();
    await page.waitForURL(/experiment=more-chance/);
    await page.getByText("Nobody has come yet").waitFor();
    const users = Array.from({ length: 140 }, (_, i) => `visitor-${i}`);
    await comeTo("more-chance", users);
    // It looks by itself.
    await page.waitForSelector(".finding.better, .finding.worse");
    expect(await page.locator(".finding").textContent()).toMatch(
      /^B has .* % more long watches per item shown/,
    );
    await page.waitForSelector(".funnel .band.decided");
    await page.getByRole("button", { name: "feeds" }).click();
    await page.waitForURL(/metric=feeds/);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Stop it for good" }).click();
    await page.locator(".release", { hasText: "stopped" }).waitFor();
    expect((await demo.upnext.experiment("more-chance")).report.users).toBe(users.length);
    expect((await demo.upnext.recommend({ user: users[0]!, log: false })).arms).toEqual([]);
    await page.reload();
    await page.waitForSelector(".funnel");
  });

  it("says in the feed which arm its user is in", async () => {
    await demo.upnext.startExperiment({
      name: "other-cap",
      arms: [
        { name: "A", share: 0.5 },
        { name: "B", share: 0.5, policy: { maxPerCreator: 1 } },
      ],
    });
    const page = await at("/console/feed?user=u1");
    await page.getByRole("link", { name: "other-cap" }).click();
    await page.waitForURL(/experiments\?user=u1&experiment=other-cap/);
    await demo.upnext.stopExperiment("other-cap");
  });

  /** Each user asks once; those of B watch two videos to the end, those of A one in two of them. */
  async function comeTo(experiment: string, users: readonly string[]): Promise<void> {
    for (const [i, user] of users.entries()) {
      const { request, items, arms } = await demo.upnext.recommend({ user, limit: 10 });
      const arm = arms.find((each) => each.experiment === experiment)!.arm;
      const watched = items.slice(0, arm === "B" ? 3 : 1 + (i % 2));
      await demo.upnext.track(
        watched.map(({ item }) => ({
          kind: "interaction" as const,
          user,
          item,
          type: "watch" as const,
          value: 1,
          request,
        })),
      );
    }
  }

  it("explores items, users now and in the past, and what is shown", async () => {
    const page = await at("/console/explore");
    await page.locator(".search .row").first().click();
    await page.waitForSelector(".numbers");
    expect(await page.locator(".numbers div").count()).toBe(6);
    await page.getByRole("link", { name: "Users" }).click();
    await page.waitForSelector(".state-rows li");
    await page.getByRole("button", { name: "a week ago" }).click();
    await page.waitForSelector(".state-rows li, .note");
    await page.getByRole("link", { name: "Segments" }).click();
    await page.waitForSelector(".segments .figures");
    expect(await page.locator(".segments tbody tr").count()).toBeGreaterThan(12);
    await page.getByRole("link", { name: "Exposure" }).click();
    await page.waitForSelector(".lorenz .curve");
  });

  it("is used by keyboard alone: to the content, to a card, to a watch", async () => {
    const page = await at("/console/feed?user=u6");
    await page.waitForSelector(CARDS);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
    await page.keyboard.press("Enter");
    const seen: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement?.className ?? "");
      seen.push(focused);
      if (focused === "watch") break;
    }
    expect(seen.at(-1)).toBe("watch");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline).toBe("solid");
    const before = (await demo.upnext.state("u6")).touches.length;
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".said")?.textContent?.startsWith("Watched"));
    expect((await demo.upnext.state("u6")).touches.length).toBe(before + 1);
  });

  it.each([
    ...VIEWS,
    "why?ask=not&not=v9",
    "why?ask=if",
    "experiments?start=1",
    "explore?look=items&item=v7",
    "explore?look=users",
    "explore?look=segments",
    "explore?look=exposure",
    "explore?look=features",
  ])(
    "names every control, keeps headings in order, is reached by tab, and rests where that is wished: %s",
    async (view) => {
      const path = `/console/${view}${view.includes("?") ? "&" : "?"}user=u1`;
      const page = await at(path, { reducedMotion: "reduce" });
      await page.waitForSelector("h1");
      await page.waitForFunction(() => document.querySelector(".waiting") === null);
      expect(await barriersIn(page)).toEqual([]);
      expect(await tabThrough(page)).toBeGreaterThan(0);
      const moving = () => document.getAnimations().filter(({ playState }) => playState === "running").length;
      expect(await page.evaluate(moving)).toBe(0);
    },
  );

  it("loads at most 150 kB of compressed script", async () => {
    const page = await at("/console/feed?user=u1");
    await page.waitForSelector(CARDS);
    const sources = await page
      .locator("script[src]")
      .evaluateAll((all) => all.map((each) => each.getAttribute("src")!));
    expect(sources.length).toBeGreaterThan(0);
    let bytes = 0;
    for (const source of sources) {
      bytes += gzipSync(Buffer.from(await (await fetch(demo.url + source)).arrayBuffer())).length;
    }
    expect(bytes).toBeLessThan(150_000);
  });

  it("tells a newcomer of the two stages before the first video, with the figures of this slate", async () => {
    const page = await at("/");
    await page.waitForSelector(CARDS);
    const text = (await page.locator(".two-stages").textContent())!;
    expect(text).toMatch(/From [\d,]+ videos to 12 in .* ms/);
    expect(text).toMatch(/Retrieval\s*[\d,]+\s*[\d,]+.*Ranking/s);
    const [stages, card] = await Promise.all([
      page.locator(".two-stages").boundingBox(),
      page.locator(CARDS).first().boundingBox(),
    ]);
    expect(stages!.y + stages!.height).toBeLessThan(card!.y);
    expect(card!.y).toBeLessThan(600);
  });

  it.each([360, 2560])("fits into a width of %i pixels, light and dark", async (width) => {
    const page = await at("/console/feed?user=u1", { viewport: { width, height: 800 } });
    for (const [i, view] of VIEWS.entries()) {
      const colorScheme = i % 2 === 0 ? "dark" : "light";
      await page.emulateMedia({ colorScheme });
      await page.goto(`${demo.url}/console/${view}?user=u1`);
      await page.waitForSelector("h1");
      await page.waitForTimeout(200);
      expect(await page.evaluate(() => document.documentElement.dataset["theme"]), view).toBe(colorScheme);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, view).toBeLessThanOrEqual(width);
    }
  });

  it("says so where it cannot show what came, and the other views go on", async () => {
    const page = await at("/console/explore");
    await page.route("**/v1/exposure", (route) => route.fulfill({ json: {} }));
    await page.getByRole("link", { name: "Exposure" }).click();
    await page.getByRole("heading", { name: "That did not work" }).waitFor();
    await page.getByRole("link", { name: "System" }).click();
    await page.getByRole("heading", { name: "The system at work" }).waitFor();
  });

  it("keeps the theme that was chosen", async () => {
    const page = await at("/console/feed?user=u1", { colorScheme: "light" });
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    await page.reload();
    expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  });
});

describe.skipIf(!hasBrowser())("the console of a system without anything", () => {
  it("says in each view what to do, and tells when the server is gone", async () => {
    ensureConsole();
    const [browser, demo] = await Promise.all([openBrowser(), startDemo({ filled: false })]);
    try {
      const { page, complaints } = await visit(browser, `${demo.url}/console/feed`);
      await page.getByText("There are no videos yet").waitFor();
      expect(await barriersIn(page)).toEqual([]);
      await page.getByRole("link", { name: "Training" }).click();
      await page.getByText("npx upnext train").waitFor();
      await page.getByRole("link", { name: "Experiments" }).click();
      await page.getByText("No experiment was started yet").waitFor();
      await page.getByRole("link", { name: "Trade-offs" }).click();
      await page.getByText("npx upnext tradeoffs --promote").waitFor();
      expect(await barriersIn(page)).toEqual([]);
      await page.getByRole("link", { name: "System" }).click();
      await page.getByText("The system at work").waitFor();
      expect(complaints).toEqual([]);
      await demo.server.close();
      await page.getByRole("link", { name: "Explore" }).click();
      await page.getByRole("link", { name: "Exposure" }).click();
      await page.getByRole("heading", { name: "The server does not answer" }).waitFor();
      await page.locator(".pulse.lost").waitFor();
    } finally {
      await browser.close();
      await demo.close();
    }
  });
});
