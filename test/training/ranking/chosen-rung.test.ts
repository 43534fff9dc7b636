/** Which of the fitted rungs serves. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import type { RankerHeader } from "../../../src/ranking/index.ts";
import { chosenRung, type FittedRung, standIn } from "../../../src/training/ranking/fit-rungs.ts";
import { RANKING_RUNGS, rungNamed } from "../../../src/training/ranking/rungs.ts";

const header: RankerHeader = {
  name: "any",
  heads: ["engage"],
  fingerprint: "f",
  requestFeatures: 1,
  candidateFeatures: 1,
  vocabulary: { items: 1, creators: 1, categories: 1 },
  calibration: [{ scale: 1, shift: 0 }],
};

const rung = (name: string, losses: readonly number[]): FittedRung => ({
  kind: rungNamed(name),
  header: { ...header, name },
  models: [],
  trainSeconds: 1,
  losses: Float64Array.from(losses),
});

const random = new Random("losses");
const LISTS = 400;
/** Losses of lists, some of which are hard for every rung. */
const hard = Array.from({ length: LISTS }, () => 1 + random.next());
/** The same with a gain and noise of the rung's own. */
const better = (by: number, noise: number) => hard.map((loss) => loss - by + noise * random.normal());

/** Every list is of a user of its own, unless `users` says otherwise. */
const choice = (rungs: readonly FittedRung[], users = Array.from(rungs[0]!.losses, (_, list) => list)) =>
  chosenRung(rungs, users).kind.name;

describe("the rung that serves", () => {
  it("is a more complex one where that is better on the same lists, however hard these are", () => {
    expect(choice([rung("popularity", hard), rung("logistic", better(0.05, 0.2))])).toBe("logistic");
    const three = [
      rung("popularity", hard),
      rung("logistic", better(0.1, 0.1)),
      rung("transformer", better(0.2, 0.1)),
    ];
    expect(choice(three)).toBe("transformer");
  });

  it("is the simpler one where the other is better by noise, worse, or the same", () => {
    let wrong = 0;
    for (let i = 0; i < 200; i++) {
      const rungs = [rung("popularity", hard), rung("logistic", better(0, 0.2))];
      if (choice(rungs) !== "popularity") wrong++;
    }
    // Two standard errors to one side: about one in forty.
    expect(wrong).toBeLessThan(16);
    expect(choice([rung("popularity", hard), rung("logistic", better(-0.1, 0.1))])).toBe("popularity");
    expect(choice([rung("popularity", hard), rung("logistic", hard)])).toBe("popularity");
  });

  it("is not one that is better than a simple rung but not than the best before it", () => {
    const logistic = better(0.2, 0.05);
    const rungs = [
      rung("popularity", hard),
      rung("logistic", logistic),
      rung(
        "feature-network",
        logistic.map((loss) => loss + 0.1),
      ),
    ];
    expect(choice(rungs)).toBe("logistic");
  });

  it("is never one that is there for students alone", () => {
    const teachers = RANKING_RUNGS.filter(({ teacher }) => teacher);
    expect(teachers.length).toBeGreaterThan(0);
    for (const { name } of teachers) {
      expect(choice([rung("popularity", hard), rung(name, better(1, 0.1))])).toBe("popularity");
      expect(choice([rung("popularity", []), rung(name, [])])).toBe("popularity");
    }
  });

  it("is a teacher where nothing else was fitted", () => {
    expect(choice([rung("ensemble", hard)])).toBe("ensemble");
    expect(choice([rung("ensemble", [])])).toBe("ensemble");
  });

  it("takes the lists of one user for the one piece of evidence that they are", () => {
    // Half of the users like it and half do not; one of them more often than the other.
    const losses = hard.map((loss, list) => loss + (list % 100 < 58 ? -0.5 : 0.5));
    const users = hard.map((_, list) => Math.floor((list % 100) / 29));
    const rungs = [rung("popularity", hard), rung("logistic", losses)];
    expect(choice(rungs)).toBe("logistic");
    expect(choice(rungs, users)).toBe("popularity");
  });

  it("is the most complex one where no lists can tell", () => {
    expect(choice([rung("popularity", []), rung("transformer", []), rung("student", [])])).toBe("student");
  });
});

describe("the rungs", () => {
  it("learn from others that stand before them, and have names of their own", () => {
    expect(new Set(RANKING_RUNGS.map(({ name }) => name)).size).toBe(RANKING_RUNGS.length);
    RANKING_RUNGS.forEach(({ learnsFrom, quantizes, members }, at) => {
      const before = RANKING_RUNGS.slice(0, at).map(({ name }) => name);
      for (const name of [learnsFrom, quantizes]) if (name !== undefined) expect(before).toContain(name);
      expect(members.length > 0).toBe(quantizes === undefined);
    });
  });
});

describe("what answers where there is no time for the one that serves", () => {
  it("is the logistic regression, where that is not what serves or what is simpler than it", () => {
    const rungs = RANKING_RUNGS.map(({ name }) => rung(name, []));
    const inPlaceOf = (name: string) =>
      standIn(rungs, rungs.find(({ kind }) => kind.name === name)!)?.kind.name ?? null;
    expect(Object.fromEntries(RANKING_RUNGS.map(({ name }) => [name, inPlaceOf(name)]))).toMatchObject({
      popularity: null,
      logistic: null,
      "feature-network": "logistic",
      transformer: "logistic",
      "student-int8": "logistic",
    });
    const alone = [rung("feature-network", [])];
    expect(standIn(alone, alone[0]!)).toBeNull();
  });
});
