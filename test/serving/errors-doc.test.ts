import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../src/core/index.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

/** Text of each section by its heading. */
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end).trim(), section.slice(end).replace(/\n## [\s\S]*$/, "")] as const;
    }),
);

describe("docs/errors.md", () => {
  it("has a section for every code, and none for a code that does not exist", () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it.each(Object.entries(ERRORS))(
    "explains %s: status, sentence, example, when, cure",
    (code, { status, about }) => {
      const section = sections.get(code) ?? "";
      expect(section).toContain(`Status ${status}. ${about}`);
      expect(section).toMatch(/^ {4}\S/m);
      expect(section).toMatch(/^\*\*When:\*\* \S/m);
      expect(section).toMatch(/^\*\*Cure:\*\* \S/m);
    },
  );
});
