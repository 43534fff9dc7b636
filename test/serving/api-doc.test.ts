import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fill, type Harness, startServer } from "./harness.ts";

const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
const BASE = "http://127.0.0.1:8080";

/** Each curl line of the page with the answer that follows it, where one does. */
const examples = [...page.matchAll(/```sh\n(curl .*)\n```(?:\n\n```json\n([\s\S]*?)```)?/g)].map(
  ([, line, answer]) => ({ line: line!, answer: answer === undefined ? undefined : JSON.parse(answer) }),
);

/** The words of a shell line that uses nothing but quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain!,
  );
}

async function paste(line: string, url: string): Promise<Response> {
  const init: { method: string; headers: Record<string, string>; body?: string } = {
    method: "GET",
    headers: {},
  };
  let target = "";
  const words = wordsOf(line).slice(1);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "-X") init.method = words[++i]!;
    else if (word === "-d") init.body = words[++i]!;
    else if (word === "-H") {
      const [name, value] = words[++i]!.split(": ");
      init.headers[name!] = value!;
    } else target = word.replace(BASE, url);
  }
  return fetch(target, init);
}

/** Whether both have the same keys, all the way down; of lists the first elements are compared. */
function expectSameShape(answered: unknown, documented: unknown, path: string): void {
  if (Array.isArray(documented) && Array.isArray(answered)) {
    if (documented.length > 0 && answered.length > 0)
      expectSameShape(answered[0], documented[0], `${path}[0]`);
    return;
  }
  if (typeof documented !== "object" || documented === null || typeof answered !== "object") return;
  // What facts, features and causes there are depends on the data; every other object has fixed keys.
  if (/\.(facts|features)$|stages\[0\]$|checks\[0\]$/.test(path)) return;
  expect(Object.keys(answered ?? {}).sort(), path).toEqual(Object.keys(documented).sort());
  for (const [key, value] of Object.entries(documented)) {
    expectSameShape((answered as Record<string, unknown>)[key], value, `${path}.${key}`);
  }
}

let harness: Harness;
beforeAll(async () => {
  harness = await startServer();
  await fill(harness);
});
afterAll(() => harness.close());

describe("docs/api.md", () => {
  it.each(examples)("can be pasted: $line", async ({ line, answer }) => {
    // A process of its own looks at features, when the machine has nothing else to do: test/upnext/features.test.ts.
    if (line.endsWith("/v1/features")) return;
    const answered = await paste(line, harness.url);
    // Nothing is trained here: a line that wants a bundle is understood, and finds none.
    if (line.includes("$BUNDLE")) {
      expect(await answered.json()).toMatchObject({ error: { code: "no_bundle" } });
      return;
    }
    expect(answered.status).toBe(200);
    const text = await answered.text();
    if (answer !== undefined) expectSameShape(JSON.parse(text), answer, "answer");
  });

  it("has a section with a line to paste for every route, and for no other", async () => {
    const { paths } = (await (await fetch(`${harness.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const sections = page.split(/^### /m).slice(1);
    const titles = sections.map((section) => section.slice(0, section.indexOf("\n")));
    expect(titles.sort()).toEqual([...routes, "GET /openapi.json"].sort());
    for (const section of sections) expect(section).toContain("```sh\ncurl ");
  });
});
