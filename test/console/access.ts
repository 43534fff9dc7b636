/** What keeps people out who use a keyboard or a screen reader, looked for in a page. */
import type { Page } from "playwright-core";

/** A line for each: controls without a name, headings out of order, tables and pictures that say nothing of themselves. */
export function barriersIn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    // What is in a picture is part of it, and told by its name.
    const shown = (element: Element) =>
      element.checkVisibility() && element.parentElement?.closest('[role="img"]') == null;
    const all = (selector: string) => [...document.querySelectorAll(selector)].filter(shown);
    const show = (element: Element) => element.outerHTML.slice(0, 90);
    const textOf = (element: Element) => element.textContent?.trim() ?? "";
    const nameOf = (element: Element) => {
      const by = element.getAttribute("aria-labelledby");
      const labels = (element as Partial<HTMLInputElement>).labels ?? [];
      return (
        element.getAttribute("aria-label") ??
        (by === null ? "" : textOf(document.getElementById(by) ?? document.createElement("i"))) +
          [...labels].map(textOf).join("") +
          (element.matches("a, button") ? textOf(element) : "")
      );
    };
    for (const control of all("a, button, input, select, textarea, progress")) {
      if (nameOf(control) === "") found.push(`no name: ${show(control)}`);
    }
    for (const picture of all('svg:not([aria-hidden="true"]), [role="img"], nav, section, form')) {
      if (nameOf(picture) === "" && picture.matches("svg, [role=img], nav"))
        found.push(`no name: ${show(picture)}`);
    }
    const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
    if (levels.filter((level) => level === 1).length !== 1)
      found.push(`headings: expected one h1, got ${levels}`);
    for (const [i, level] of levels.entries()) {
      if (level > (levels[i - 1] ?? 0) + 1) found.push(`headings: h${level} after h${levels[i - 1]}`);
    }
    for (const cell of all("th")) if (!cell.hasAttribute("scope")) found.push(`no scope: ${show(cell)}`);
    for (const table of all("table"))
      if (table.querySelector("thead th") === null) found.push("a table without a head");
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const [i, id] of ids.entries()) if (ids.indexOf(id) !== i) found.push(`twice: #${id}`);
    if (all("main").length !== 1) found.push("expected one main");
    return found;
  });
}

/**
 * Goes through the page with the tab key alone and returns how many controls of `main` were reached; throws where one is
 * not, or does not show that it has the focus.
 */
export async function tabThrough(page: Page): Promise<number> {
  const wanted = await page.evaluate(() => {
    const controls = document.querySelectorAll<HTMLElement>("main a, main button, main input, main select");
    const open = [...controls].filter((each) => each.checkVisibility() && !each.matches(":disabled"));
    for (const [i, control] of open.entries()) control.dataset["wanted"] = String(i);
    return open.length;
  });
  const reached = new Set<string>();
  for (let i = 0; i < wanted + 40 && reached.size < wanted; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const focused = document.activeElement as HTMLElement | null;
      if (focused?.dataset["wanted"] === undefined) return undefined;
      const { outlineStyle } = getComputedStyle(focused);
      return {
        name: focused.dataset["wanted"],
        outlined: outlineStyle !== "none",
        html: focused.outerHTML.slice(0, 90),
      };
    });
    if (at === undefined) continue;
    if (!at.outlined) throw new Error(`has the focus and does not show it: ${at.html}`);
    reached.add(at.name);
  }
  if (reached.size < wanted) {
    const missed = await page.evaluate(
      (seen) =>
        [...document.querySelectorAll<HTMLElement>("[data-wanted]")]
          .filter((each) => !seen.includes(each.dataset["wanted"]!))
          .map((each) => each.outerHTML.slice(0, 90)),
      [...reached],
    );
    throw new Error(`not reached by tab: ${missed.join("\n")}`);
  }
  return wanted;
}
