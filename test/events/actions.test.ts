/** What counts as which action, and how much it says of taste. */
import { describe, expect, it } from "vitest";
import {
  ACTIONS,
  actionsOf,
  evidence,
  INTERACTION_TYPE_NAMES,
  type InteractionType,
} from "../../src/events/index.ts";

const NONE = Number.NaN;

function named(type: InteractionType, value = NONE, duration = NONE): string {
  const bits = actionsOf(type, value, duration);
  return ACTIONS.filter((_, a) => (bits >> a) & 1)
    .map(({ name }) => name)
    .join(" ");
}

describe("actions", () => {
  it("are a byte's worth of names that are told apart", () => {
    expect(new Set(ACTIONS.map(({ name }) => name)).size).toBe(ACTIONS.length);
    expect(ACTIONS.length).toBeLessThanOrEqual(8);
  });

  it.each([
    ["view", NONE, NONE, "engage"],
    ["click", NONE, NONE, "engage click"],
    ["like", NONE, NONE, "engage approve"],
    ["rate", 3.5, NONE, "engage"],
    ["rate", 4, NONE, "engage approve"],
    ["watch", NONE, NONE, "engage"],
    ["watch", 0.29, NONE, ""],
    ["watch", 0.69, NONE, "engage"],
    ["watch", 0.7, NONE, "engage long-watch"],
    // Eighteen seconds, or to the end.
    ["watch", 0.9, 19, "engage"],
    ["watch", 0.9, 20, "engage long-watch"],
    ["watch", 1, 5, "engage long-watch"],
    ["watch", 0.1, 180, "long-watch"],
    ["hide", NONE, NONE, ""],
  ] as const)("of a %s of %s and %s seconds are: %s", (type, value, duration, wanted) => {
    expect(named(type, value, duration)).toBe(wanted);
  });

  it("engage wherever there is evidence of interest", () => {
    for (const type of INTERACTION_TYPE_NAMES) {
      for (const value of [NONE, 0, 0.25, 0.5, 1]) {
        expect(named(type, value).includes("engage")).toBe(evidence(type, value) > 0);
      }
    }
  });
});
