import { describe, expect, test } from "vitest";
import { sentencesOf, verdictText } from "../../src/release/tradeoff-sentences.ts";
import { compareCosts, counted, percentAroundZero, percentWithInterval } from "../../src/release/wording.ts";
import { around, costOf, LADDER, madeTradeoffs, type RungSpec } from "./made-tradeoffs.ts";

const STUDENT: RungSpec = { name: "student", quality: 0.7, p99: 30, cpu: 10 };

const spread = (value: number, lower: number, upper: number) => ({ value, lower, upper });

describe("a percentage with its interval", () => {
  test.each([
    [spread(0.008, 0.003, 0.012), "0.8 % (0.3 to 1.2)"],
    [spread(0.008, 0.0077, 0.0083), "0.80 % (0.77 to 0.83)"],
    [spread(0.25, 0.2, 0.31), "25 % (20 to 31)"],
    [spread(0.25, 0.246, 0.254), "25.0 % (24.6 to 25.4)"],
    // Two decimals would do for the width, but the end is not 0.
    [spread(0.0104, 0.00004, 0.02), "1.040 % (0.004 to 2.000)"],
    [spread(2.5, 2.3, 2.7), "250 % (230 to 270)"],
    [spread(0, 0, 0), "0.000 % (0.000 to 0.000)"],
  ])("%j is %s", (value, text) => expect(percentWithInterval(value)).toBe(text));

  test.each([
    [spread(0.001, -0.002, 0.004), "between 0.2 % less and 0.4 % more"],
    [spread(0.001, 0, 0.002), "between 0.00 % less and 0.20 % more"],
    [spread(-0.05, -0.15, 0.05), "between 15 % less and 5 % more"],
  ])("around zero, %j is %s", (value, text) => expect(percentAroundZero(value)).toBe(text));
});

describe("two costs", () => {
  test.each([
    [10, 140, "14 times less CPU"],
    [10, 24, "2.4 times less CPU"],
    [10, 30, "3 times less CPU"],
    [10, 99.7, "10 times less CPU"],
    [10, 15, "33 % less CPU"],
    [10, 10.9, "about the same CPU"],
    [10, 10, "about the same CPU"],
    [10.9, 10, "about the same CPU"],
    [15, 10, "50 % more CPU"],
    [24, 10, "2.4 times the CPU"],
    [140, 10, "14 times the CPU"],
  ])("%d against %d is %s", (own, other, text) => {
    expect(compareCosts(around(own, 0.01), around(other, 0.01), "CPU").text).toBe(text);
  });

  test("whose rounds overlap are about the same, however far their medians are apart", () => {
    expect(compareCosts(spread(10, 8, 21), spread(30, 20, 35), "CPU").way).toBe("same");
    expect(compareCosts(spread(10, 8, 19), spread(30, 20, 35), "CPU").way).toBe("less");
  });
});

test("one is singular", () => {
  expect([counted(0, "request"), counted(1, "request"), counted(1234, "request")]).toEqual([
    "0 requests",
    "1 request",
    "1,234 requests",
  ]);
});

describe("the sentences", () => {
  test("say what the student gives up, what it saves, and what the ensemble would miss", () => {
    expect(sentencesOf(madeTradeoffs({ rungs: LADDER }))).toEqual([
      "The student serves: it meets the objective of 50 ms (P99 28 ms with 500 candidates).",
      "Serving the student instead of the ensemble gives up 0.33 % NDCG@10 (0.18 to 0.47) for 14 times less CPU; the ensemble would miss the 50 ms objective (P99 212 ms).",
      "Serving the student instead of popularity gains 27.4 % NDCG@10 (27.2 to 27.6) for 24 % more CPU.",
    ]);
  });

  test("make no difference of what is noise", () => {
    const rungs = [STUDENT, { name: "ensemble", quality: 0.7007, p99: 90, cpu: 100 }] as const;
    const [, sentence] = sentencesOf(madeTradeoffs({ rungs: [...rungs], noise: 0.0021 }));
    expect(sentence).toBe(
      "Serving the student instead of the ensemble makes no measurable difference in NDCG@10 (between 0.4 % less and 0.2 % more) and takes 10 times less CPU; the ensemble would miss the 50 ms objective (P99 90 ms).",
    );
  });

  test("say that two rungs are the same only where they always were", () => {
    const rungs = [STUDENT, { ...STUDENT, name: "twin" }] as const;
    const [, sentence] = sentencesOf(madeTradeoffs({ rungs: [...rungs], noise: 0 }));
    expect(sentence).toBe(
      "Serving the student instead of the twin leaves NDCG@10 as it is and takes about the same CPU.",
    );
  });

  test("of a rung that is worse and dearer call neither a price", () => {
    const rungs = [STUDENT, { name: "network", quality: 0.63, p99: 30, cpu: 30 }] as const;
    const [, sentence] = sentencesOf(madeTradeoffs({ rungs: [...rungs], noise: 0.007 }));
    expect(sentence).toBe(
      "Serving the student instead of the network gains 11.1 % NDCG@10 (10.0 to 12.2) and takes 3 times less CPU.",
    );
  });

  test("say that a difference could not be measured", () => {
    const rungs = [STUDENT, { name: "network", quality: 0.8, p99: 30, cpu: 10 }] as const;
    const [, sentence] = sentencesOf(madeTradeoffs({ rungs: [...rungs], noise: null }));
    expect(sentence).toMatch(
      /changes NDCG@10 by an amount that could not be measured and takes about the same/,
    );
    // Nor are there percents of nothing.
    const zero = [
      { ...STUDENT, quality: 0 },
      { ...STUDENT, name: "network", quality: 0 },
    ] as const;
    expect(sentencesOf(madeTradeoffs({ rungs: [...zero] }))[1]).toMatch(/could not be measured/);
  });

  test("where rungs have no quality at all, still say what serves and what it costs", () => {
    const rungs = LADDER.map((rung) => ({ ...rung, quality: null })) as [RungSpec, ...RungSpec[]];
    const sentences = sentencesOf(madeTradeoffs({ rungs }));
    expect(sentences[0]).toMatch(/^Popularity serves: it meets the objective/);
    expect(sentences.slice(1).every((sentence) => /could not be measured/.test(sentence))).toBe(true);
    expect(sentences.join()).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("of one rung alone compare nothing", () => {
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT] }))).toEqual([
      "The student, the only rung, serves: it meets the objective of 50 ms (P99 30 ms with 500 candidates).",
    ]);
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], p99Ms: 10 }))).toEqual([
      "The student serves, the only rung, and misses the objective of 10 ms (P99 30 ms with 500 candidates).",
    ]);
  });

  test("where nothing meets the objective say so, and blame no rung alone", () => {
    const sentences = sentencesOf(madeTradeoffs({ rungs: LADDER, p99Ms: 5 }));
    expect(sentences[0]).toBe(
      "No rung meets the objective of 5.0 ms; popularity serves, since it is the fastest (P99 24 ms with 500 candidates).",
    );
    expect(sentences[1]).toMatch(/; both miss the 5\.0 ms objective\.$/);
  });

  test("say that a machine was busy where requests waited longer than they computed", () => {
    const made = madeTradeoffs({ rungs: [{ ...STUDENT, cpu: 5 }] });
    expect(sentencesOf(made)[1]).toBe(
      "Half of the requests took more than 2.9 times their CPU time: the machine was busy with other work, and its latencies are those of a busy machine.",
    );
  });

  test("where the margin alone is missed, do not say that the objective is", () => {
    expect(sentencesOf(madeTradeoffs({ rungs: LADDER, p99Ms: 25, margin: 0.5 }))[0]).toBe(
      "No rung meets the objective of 25 ms with its margin of 50 %; popularity serves, since it is the fastest (P99 24 ms with 500 candidates).",
    );
  });

  test("tell a rung that the margin keeps out from one that misses the objective", () => {
    const rungs = [STUDENT, { name: "network", quality: 0.8, p99: 45, cpu: 15 }] as const;
    expect(sentencesOf(madeTradeoffs({ rungs: [...rungs] }))[1]).toMatch(
      /; the network \(P99 45 ms\) would come nearer to the 50 ms objective than its margin of 20 % allows\.$/,
    );
  });

  test("a catalogue of one item has one candidate, one of 30 has 30", () => {
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], candidates: 1 }))[0]).toMatch(/with 1 candidate\)/);
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], candidates: 30 }))[0]).toMatch(
      /with 30 candidates\)/,
    );
  });

  test("say what more candidates and no history cost, where the rounds do not overlap", () => {
    const otherCosts = () => [
      costOf(60, 18, { candidates: 1000, ranked: 1000 }),
      costOf(20, 6, { candidates: 100, ranked: 100 }),
      costOf(15, 4, { visits: 0 }),
      costOf(29, 9.9, { visits: 10 }),
    ];
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], otherCosts })).slice(1)).toEqual([
      "Ranking 1000 candidates instead of 500 takes 80 % more CPU (18 ms instead of 10 ms a request).",
      "A request of a user without a history takes 2.5 times less CPU (4.0 ms).",
    ]);
    const alike = () => [
      costOf(30, 10.1, { candidates: 1000, ranked: 1000 }),
      costOf(30, 9.9, { visits: 0 }),
    ];
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], otherCosts: alike }))).toHaveLength(1);
    // Retrieval found no more than before: these were not more candidates.
    const asMany = () => [costOf(60, 18, { candidates: 1000, ranked: 500 })];
    expect(sentencesOf(madeTradeoffs({ rungs: [STUDENT], otherCosts: asMany }))).toHaveLength(1);
  });
});

describe("why a rung serves or does not", () => {
  const texts = (rungs: readonly [RungSpec, ...RungSpec[]], more = {}) => {
    const made = madeTradeoffs({ rungs, ...more });
    return Object.fromEntries(made.choice.verdicts.map((each) => [each.rung, verdictText(each, made)]));
  };

  test("is said of every rung of the ladder", () => {
    expect(texts(LADDER)).toEqual({
      popularity: "17.7 % NDCG@10 (17.6 to 17.9) less than the logistic regression",
      logistic: "2.04 % NDCG@10 (1.90 to 2.19) less than the feature network",
      "feature-network": "0.87 % NDCG@10 (0.72 to 1.01) less than the target-attention network",
      "target-attention": "1.73 % NDCG@10 (1.59 to 1.88) less than the student",
      student: "serves",
      "student-int8":
        "no measurable difference in NDCG@10 to the student, which is simpler (between 0.21 % less and 0.07 % more)",
      transformer: "too slow: P99 58 ms; the objective is 50 ms, and its margin of 20 % leaves 40 ms",
      ensemble: "too slow: P99 212 ms; the objective is 50 ms, and its margin of 20 % leaves 40 ms",
    });
  });

  test("without a margin none is spoken of", () => {
    const both = [STUDENT, { name: "slow", quality: 0.9, p99: 60, cpu: 20 }] as const;
    expect(texts([...both], { margin: 0 })["slow"]).toBe("too slow: P99 60 ms; the objective is 50 ms");
  });

  test("a more complex rung may be worse, the same, or of an unknown difference", () => {
    const other = (quality: number) => [STUDENT, { name: "other", quality, p99: 30, cpu: 20 }] as const;
    expect(texts([...other(0.63)], { noise: 0.007 })["other"]).toBe(
      "10.0 % NDCG@10 (9.0 to 11.0) less than the student, which is simpler",
    );
    expect(texts([...other(0.7)], { noise: 0 })["other"]).toBe(
      "the same NDCG@10 as the student, which is simpler",
    );
    expect(texts([...other(0.8)], { noise: null })["other"]).toBe(
      "its difference to the student, which is simpler could not be measured",
    );
  });
});
