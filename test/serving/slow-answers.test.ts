import { expect, it } from "vitest";
import type { Ms } from "../../src/core/index.ts";
import { SlowAnswers } from "../../src/serving/admission/slow-answers.ts";

const at = (ms: number) => ms as Ms;

it("tells how long the slow ones among the newest answers took, but for the very slowest few", () => {
  const slow = new SlowAnswers();
  expect(slow.ms(at(0))).toBe(0);
  for (let i = 0; i < 100; i++) slow.observe(at(i < 36 ? 500 : 10), at(i));
  expect(slow.ms(at(100))).toBe(10);
  for (let i = 0; i < 3; i++) slow.observe(at(90), at(100 + i));
  expect(slow.ms(at(103))).toBe(10);
  slow.observe(at(40), at(104));
  expect(slow.ms(at(104))).toBe(40);
});

it("forgets after two seconds how slow answers were, whether others came or not", () => {
  const slow = new SlowAnswers();
  for (let i = 0; i < 64; i++) slow.observe(at(48), at(i));
  expect(slow.ms(at(1_500))).toBe(48);
  expect(slow.ms(at(2_500))).toBe(0);
  for (let i = 0; i < 5; i++) slow.observe(at(9), at(2_500 + i));
  expect(slow.ms(at(2_505))).toBe(9);
});
