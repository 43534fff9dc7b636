/** Where and on what a slate is shown: a name or nothing. */
import { expect, it } from "vitest";
import { checkRequest } from "../../src/pipeline/check-request.ts";

const user = "u1";

it("is a name of 1 to 64 characters, or absent", () => {
  expect(checkRequest({ user })).toBe(20);
  expect(checkRequest({ user, surface: "home", device: "x".repeat(64) })).toBe(20);
  for (const odd of ["", "x".repeat(65), "a\nb", 7, null]) {
    expect(() => checkRequest({ user, surface: odd })).toThrow(/^surface: expected 1 to 64 characters/);
    expect(() => checkRequest({ user, device: odd })).toThrow(/^device: expected 1 to 64 characters/);
  }
});
