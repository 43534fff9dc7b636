/** What follows from what was measured, as one sentence. */
import { errorFor, mixtureFor } from "./confidence.ts";
import type { Definition } from "./experiment.ts";
import { type Difference, FEWEST_USERS } from "./measurement.ts";
import type { Metric } from "./outcomes.ts";

/** Ten times as much. */
const MOST_SAID = 10;

export interface Verdict {
  /**
   * `better` and `worse` are of the second arm; `same`: no difference that is worth knowing of; `early`: too early to
   * say; `mismatch`: the arms did not get their shares of the users, so nothing can be said.
   */
  readonly kind: "better" | "worse" | "same" | "early" | "mismatch";
  readonly sentence: string;
  /** About how many more users would decide it, if the difference stays; null where it is decided or not known. */
  readonly moreUsers: number | null;
}

type Line = Pick<Metric, "noun" | "better"> & { readonly difference: Difference | null };

interface Seen {
  /** The metric that decides. */
  readonly primary: Line;
  /** Metrics that must not become worse. */
  readonly guardrails: readonly Line[];
  readonly users: number;
  readonly perArm: readonly number[];
  readonly mismatch: boolean;
}

export function verdictOf(experiment: Pick<Definition, "arms" | "smallest">, seen: Seen): Verdict {
  const verdict = verdictOn(experiment, seen);
  if (verdict.kind === "mismatch") return verdict;
  const second = experiment.arms[1].name;
  const worse = seen.guardrails.flatMap(({ noun, better, difference: d }) =>
    d !== null && (better === "more" ? d.upper < 0 : d.lower > 0)
      ? `Beware: ${second} has ${moreOrLess(d.value)} ${noun}.`
      : [],
  );
  return { ...verdict, sentence: [verdict.sentence, ...worse].join(" ") };
}

function verdictOn(
  experiment: Pick<Definition, "arms" | "smallest">,
  { primary, users, perArm, mismatch }: Seen,
): Verdict {
  const [a, b] = experiment.arms.map(({ name }) => name) as [string, string];
  const { noun, better, difference } = primary;
  if (mismatch) {
    const sentence = `The arms have ${perArm.join(" and ")} users, which their shares do not explain: something loses users of one arm, and no other number here can be trusted. Stop it and look for the cause.`;
    return { kind: "mismatch", sentence, moreUsers: null };
  }
  if (difference === null) {
    const missing = perArm.map((count) => Math.max(0, FEWEST_USERS - count));
    const moreUsers = missing.some((count) => count > 0) ? missing.reduce((sum, count) => sum + count) : null;
    const sentence =
      moreUsers === null
        ? `Too early to say: in one of the arms nobody has any ${noun} yet.`
        : `Too early to say: each arm needs ${FEWEST_USERS} users, ${a} has ${perArm[0]} and ${b} ${perArm[1]}.`;
    return { kind: "early", sentence, moreUsers };
  }
  const { value, lower, upper } = difference;
  const range = `(${moreOrLess(lower)} to ${moreOrLess(upper)})`;
  if (lower > 0 || upper < 0) {
    const kind = value > 0 === (better === "more") ? "better" : "worse";
    const sentence = `${b} has ${moreOrLess(value)} ${noun} than ${a} ${range}: ${b} is ${kind}. You may stop.`;
    return { kind, sentence, moreUsers: null };
  }
  const { smallest } = experiment;
  if (lower > -smallest && upper < smallest) {
    const sentence = `${b} and ${a} differ by less than ${percent(smallest)} % in ${noun} ${range}. You may stop.`;
    return { kind: "same", sentence, moreUsers: null };
  }
  const moreUsers = usersMissing(difference, smallest, users);
  const sentence = `Too early to say: ${b} may have anything from ${moreOrLess(lower)} to ${moreOrLess(upper)} ${noun} than ${a}. About ${moreUsers.toLocaleString("en-US")} more users, if it stays at ${moreOrLess(value)}.`;
  return { kind: "early", sentence, moreUsers };
}

/**
 * Users beyond those that there are until the interval either leaves 0 out or lies within the smallest difference: it
 * becomes narrower as the standard error does, with the square root of the number of users.
 */
function usersMissing({ value, lower, upper }: Difference, smallest: number, users: number): number {
  const mixture = mixtureFor(Math.log1p(smallest));
  const half = (Math.log1p(upper) - Math.log1p(lower)) / 2;
  const seen = Math.abs(Math.log1p(value));
  const wanted = Math.max(seen, Math.log1p(smallest) - seen);
  const now = errorFor(half, mixture);
  const then = errorFor(wanted, mixture);
  return Math.max(1, roughly(users * ((now / then) ** 2 - 1)));
}

/** Two digits: it is an estimate. */
function roughly(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1);
  return unit * Math.ceil(count / unit);
}

function percent(share: number): string {
  const text = (100 * share).toFixed(1);
  return text.replace(/\.0$/, "").replace(/^-0$/, "0");
}

/** Of what has no end in sight, only that. */
function moreOrLess(share: number): string {
  if (share > MOST_SAID) return `more than ${percent(MOST_SAID)} % more`;
  return `${percent(Math.abs(share))} % ${share < 0 ? "less" : "more"}`;
}
