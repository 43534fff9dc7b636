/**
 * Whether a source of dot products is searched exactly or by an index: measured when it is fitted, on vectors of real
 * users, since how many of the best an index finds depends on how the vectors lie (docs/decisions/0025).
 *
 * An index serves where it keeps KEEPS of the exact best, looks at fewer rows and takes clearly less time. The groups
 * of an index and what it finds are those of the seed; whether it is chosen depends on how fast this machine is too.
 */
import type { Clock, Progress, Random } from "../core/index.ts";
import { clusterRows, type ItemIndex, type ItemSearch, itemSearch } from "../tensor/index.ts";
import type { Columns } from "./retriever.ts";

/** From so many items on an index is tried: below, an exact search takes less than 0.3 ms (measured for 64 dimensions). */
const LEAST_ITEMS = 50_000;
/**
 * Of the exact best that an index has to find. What it misses are the last of them: a list of a thousand loses ten, of
 * which the blend takes few; and the quality of sources differs by less than 1 % between neighbouring constants
 * (`npm run bench -- sources`).
 */
const KEEPS = 0.99;
/** And it looks at so many of the rows that an exact search looks at: or what it misses is lost for nothing (guess). */
const SAVES = 0.5;
/** And takes so much of the time at most, medians of both in turn (guess: less is lost in the noise of a busy machine). */
const FASTER = 0.75;
/** Shares of the rows that are tried, the least first. */
const SHARES = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32];
/** How many a request asks a source for. */
const BEST = 1_000;
/** Users on whom it is measured: one half chooses a width, the other one confirms it. */
export const SEARCHERS = 200;

/** One way to search, measured. The first one is exact. */
export interface SearchTrial {
  /** Of the rows. */
  readonly share: number;
  /** Of the exact best, the mean over all users. */
  readonly keeps: number;
  /** Rows and means looked at, the mean over all users. */
  readonly looked: number;
  readonly ms: number;
}

export interface SearchChoice {
  readonly index?: ItemIndex | undefined;
  /** Empty where there are too few items for an index. */
  readonly trials: readonly SearchTrial[];
}

export interface ChoiceOptions {
  /** (N, k) */
  readonly factors: Float32Array;
  readonly k: number;
  /** Vectors (k) of users. */
  readonly users: readonly Float32Array[];
  readonly random: Random;
  readonly clock: Clock;
  /** Items from which on an index is tried. */
  readonly leastItems?: number;
}

export async function chooseSearch(options: ChoiceOptions): Promise<SearchChoice> {
  const { factors, k, users, random, clock, leastItems = LEAST_ITEMS } = options;
  const N = factors.length / k;
  if (N < leastItems || users.length < 2) return { trials: [] };
  const exact = await itemSearch({ factors, k });
  const trials: SearchTrial[] = [];
  const groups = await clusterRows(factors, k, random);
  for (const share of SHARES) {
    const index = { groups, share };
    const { trial, beside, keeps } = compared(
      await itemSearch({ factors, k, index }),
      exact,
      users,
      N,
      clock,
    );
    if (trials.length === 0) trials.push({ share: 1, keeps: 1, ...beside });
    trials.push({ share, keeps: mean(keeps), ...trial });
    if (trial.looked > SAVES * beside.looked) break;
    const half = keeps.length >> 1;
    const enough = mean(keeps.slice(0, half)) >= KEEPS && mean(keeps.slice(half)) >= KEEPS;
    if (enough && trial.ms <= FASTER * beside.ms) return { index, trials };
  }
  return { trials };
}

/** Both searches for each user, one after the other, since a machine is not always as fast. */
function compared(
  index: ItemSearch,
  exact: ItemSearch,
  users: readonly Float32Array[],
  N: number,
  clock: Clock,
) {
  const allowed = new Uint8Array(N).fill(1);
  const wanted = Math.min(BEST, Math.floor(N / 16));
  const costs = [exact, index].map(() => ({ times: [] as number[], looked: 0 }));
  const keeps = users.map((user) => {
    const [best, found] = [exact, index].map((search, i) => {
      const began = clock.monotonic();
      const { rows } = search.top(user, allowed, wanted);
      costs[i]!.times.push(clock.monotonic() - began);
      costs[i]!.looked += search.looked / users.length;
      return rows;
    });
    return shareOf(best!, found!);
  });
  const [beside, trial] = costs.map(({ times, looked }) => {
    times.sort((a, b) => a - b);
    return { looked, ms: times[times.length >> 1]! };
  });
  return { trial: trial!, beside: beside!, keeps };
}

function shareOf(wanted: Int32Array, found: Int32Array): number {
  const there = new Set(found);
  return wanted.reduce((sum, row) => sum + (there.has(row) ? 1 : 0), 0) / Math.max(1, wanted.length);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The choice as columns of a bundle, and back. */
export function searchColumns({ index, trials }: SearchChoice): Columns {
  return {
    searchTrials: Float64Array.from(
      trials.flatMap(({ share, keeps, looked, ms }) => [share, keeps, looked, ms]),
    ),
    ...(index && {
      groupOrder: index.groups.order,
      groupStarts: index.groups.starts,
      searchShare: Float64Array.of(index.share),
    }),
  };
}

export function searchIn({ groupOrder, groupStarts, searchShare, searchTrials }: Columns): SearchChoice {
  const trials: SearchTrial[] = [];
  const values = searchTrials instanceof Float64Array ? searchTrials : new Float64Array(0);
  for (let at = 0; at < values.length; at += 4) {
    const [share, keeps, looked, ms] = values.subarray(at, at + 4);
    trials.push({ share: share!, keeps: keeps!, looked: looked!, ms: ms! });
  }
  const indexed =
    groupOrder instanceof Int32Array &&
    groupStarts instanceof Int32Array &&
    searchShare instanceof Float64Array;
  const groups = indexed ? { order: groupOrder, starts: groupStarts } : undefined;
  return { index: groups && { groups, share: searchShare![0]! }, trials };
}

/** The choice in a line. */
export function searchSentence(name: string, { index, trials }: SearchChoice): string {
  const [exact, ...others] = trials;
  if (exact === undefined) return `${name}: exact search`;
  const said = others.map(
    ({ share, keeps, looked, ms }) =>
      `${100 * share} % of the rows keeps ${keeps.toFixed(3)} (${Math.round(looked)} rows, ${ms.toFixed(2)} ms)`,
  );
  const chosen =
    index === undefined ? "exact search" : `an index that looks at ${100 * index.share} % of the rows`;
  return `${name}: ${chosen}; exact looks at ${Math.round(exact.looked)} rows, ${exact.ms.toFixed(2)} ms; an index at ${said.join(", ")}`;
}

/** Prints the choice where there was one to make. */
export function noteSearch(name: string, choice: SearchChoice, progress: Progress): void {
  if (choice.trials.length > 0) progress.note(searchSentence(name, choice));
}
