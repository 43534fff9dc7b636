import { describe, expect, it } from "vitest";
import { Course, type CourseOptions, type CourseState } from "../../../src/retrieval/sequence/course.ts";

const OPTIONS: CourseOptions = { peak: 2, warmup: 4, fall: 0.5, patience: 2 };

/** The rates of the next steps, with no time passing unless told, until one is 0 or there are `most`. */
function ratesOf(course: Course, most: number, time: (step: number) => number = () => 0): number[] {
  const rates: number[] = [];
  for (let step = 0; step < most; step++) {
    const rate = course.rate(time(step));
    rates.push(rate);
    if (rate <= 0) break;
    course.stepped();
  }
  return rates;
}

describe("the course of a training", () => {
  it("warms up, and stays at its peak while evaluations get better", () => {
    const course = new Course(OPTIONS);
    const rates = ratesOf(course, 20);
    expect(rates.slice(0, 4)).toEqual([...rates.slice(0, 4)].sort((a, b) => a - b));
    expect(rates[0]).toBeGreaterThan(0);
    expect(rates.slice(4)).toEqual(new Array(16).fill(2));
    for (const value of [0.1, 0.2, 0.15, 0.3]) course.evaluated(value, 0);
    expect(course.rising).toBe(true);
    expect(course.state).toMatchObject({ best: 0.3, since: 0 });
  });

  it("says which evaluation is the best so far; an equal one is none", () => {
    const course = new Course(OPTIONS);
    expect([0, 0.2, 0.2, 0.1, 0.3].map((value) => course.evaluated(value, 0))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
  });

  it("falls to zero in half as many steps as there were, once as many evaluations as it has patience were no better", () => {
    const course = new Course(OPTIONS);
    ratesOf(course, 10);
    for (const value of [0.3, 0.2, 0.3]) course.evaluated(value, 0.1);
    expect(course.rising).toBe(false);
    expect(ratesOf(course, 100, () => 0.1)).toEqual([2, 1.6, 1.2, 0.8, 0.4, 0].map((x) => expect.closeTo(x)));
    course.evaluated(0.1, 0.1);
    expect(course.state.fallFrom).toBe(10);
  });

  it("falls when the time that is left is what a fall takes, and is over when time is", () => {
    const course = new Course(OPTIONS);
    // A hundredth of the time a step: two thirds of the steps before the fall, one third in it.
    const rates = ratesOf(course, 1000, (step) => step / 100);
    expect(course.state.fallFrom).toBe(67);
    expect(rates.at(-1)).toBe(0);
    expect(rates.length).toBe(101);
    for (let step = 68; step < rates.length; step++)
      expect(rates[step]!).toBeLessThanOrEqual(rates[step - 1]!);
    expect(rates.at(-2)).toBeLessThan(0.1);
  });

  it("ends with the time, however slow the steps of the fall are", () => {
    const course = new Course(OPTIONS);
    ratesOf(course, 50);
    course.fall(0.5);
    const rates = ratesOf(course, 100, (step) => 0.5 + step / 10);
    expect(rates).toHaveLength(6);
    expect(rates.at(-2)).toBeGreaterThan(0);
  });

  it("has the same rates on slow and fast machines, for all that time suffices", () => {
    const ratesAt = (share: number): number[] => {
      const course = new Course(OPTIONS);
      const rates = ratesOf(course, 40, (step) => share * step);
      for (const value of [3, 2, 1]) course.evaluated(value, 40 * share);
      return [...rates, ...ratesOf(course, 100, (step) => share * (40 + step))];
    };
    expect(ratesAt(1 / 80)).toEqual(ratesAt(0));
    expect(ratesAt(1 / 63)).toEqual(ratesAt(0));
    expect(ratesAt(1 / 50)).not.toEqual(ratesAt(0));
  });

  it("falls from its first step on where it is told how many steps there are", () => {
    const course = new Course({ ...OPTIONS, steps: 10 });
    expect(course.rising).toBe(false);
    const rates = ratesOf(course, 100);
    expect(rates).toHaveLength(11);
    expect(rates.slice(4).map((rate) => rate / 2)).toEqual(
      [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0].map((x) => expect.closeTo(x)),
    );
  });

  it.each([3, 12, 22])(
    "goes on from its state, written as JSON after %i steps, as if nothing had been",
    (stop) => {
      const run = (interrupted: boolean): number[] => {
        let course = new Course(OPTIONS);
        const rates: number[] = [];
        for (let step = 0; step < 100; step++) {
          if (interrupted && step === stop) {
            course = new Course(OPTIONS, JSON.parse(JSON.stringify(course.state)) as CourseState);
          }
          const rate = course.rate(step / 1000);
          if (rate <= 0) break;
          rates.push(rate);
          course.stepped();
          if (step % 5 === 4) course.evaluated(step < 6 ? step : 1, step / 1000);
        }
        return rates;
      };
      expect(run(true)).toEqual(run(false));
      expect(run(false).length).toBeLessThan(40);
    },
  );

  it("can be written as JSON before any evaluation", () => {
    const { state } = new Course(OPTIONS);
    const again = new Course(OPTIONS, JSON.parse(JSON.stringify(state)) as CourseState);
    expect(again.evaluated(0, 0)).toBe(true);
  });
});
