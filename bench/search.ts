/**
 * Where an exact search for the largest dot products stops being the best choice: `als` fitted on sequences of growing
 * catalogues, and what its fit then chooses, with every width that it tried.
 *
 * Arguments: `--quick` (10,000 items), `--items 10000,100000,1000000`, `--touches 8` touches an item.
 */
import { parseArgs } from "node:util";
import { Random, systemClock } from "../src/core/index.ts";
import { chooseSearch } from "../src/retrieval/search-choice.ts";
import { alsFoldIn, clusterRows, fitAls } from "../src/tensor/index.ts";

export const about =
  "Exact search (rows by falling length, which ends where no row can reach the best) and an index (groups of near rows, of which the most promising are looked at), for the best 1,000 of als' vectors of 64 dimensions, on the vectors of 200 users. Sequences: users of 32 touches with a taste for 3 of 500 topics, items of a topic by a Zipf law, one touch of ten of any item. Chosen is what the fit of als would choose. looked: rows and means of groups looked at. ms: median of one call in one thread.";

const FACTORS = 64;
const TOUCHES = 32;
const TOPICS = 500;
const TASTES = 3;
const STRAY = 0.1;
const USERS = 200;

export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: "boolean" }, items: text, touches: text },
  });
  const sizes = (values.items ?? (values.quick ? "10000" : "10000,100000,1000000")).split(",").map(Number);
  const result: Record<string, unknown> = {};
  for (const items of sizes) result[items] = await measure(items, Number(values.touches ?? 8));
  return result;
}

async function measure(itemCount: number, perItem: number): Promise<Record<string, unknown>> {
  const random = new Random(`bench/search/${itemCount}`);
  const users = Math.ceil((itemCount * perItem) / TOUCHES);
  const { offsets, items } = sequences(itemCount, users, random);
  const weights = new Float32Array(items.length).fill(1);
  const settings = { itemCount, factors: FACTORS, regularization: 0.1, alpha: 30 };
  const began = performance.now();
  const { itemFactors } = await fitAls({
    ...settings,
    offsets,
    items,
    weights,
    users,
    iterations: 10,
    random,
  });
  const fitted = performance.now();
  await clusterRows(itemFactors, FACTORS, random);
  const clustered = performance.now();
  const foldIn = alsFoldIn({ ...settings, itemFactors });
  const vectors = Array.from({ length: USERS }, () => {
    const user = random.int(users);
    const vector = new Float32Array(FACTORS);
    const own = items.slice(offsets[user]!, offsets[user + 1]!).reverse();
    foldIn.solve(
      own,
      Float32Array.from(own, (_, lag) => 0.9 ** lag),
      vector,
    );
    return vector;
  });
  const { index, trials } = await chooseSearch({
    ...{ factors: itemFactors, k: FACTORS, users: vectors, random, clock: systemClock },
    leastItems: 0,
  });
  return {
    "touches of all users": items.length,
    "als fitted in s": Math.round((fitted - began) / 100) / 10,
    "groups made in s": Math.round((clustered - fitted) / 100) / 10,
    chosen: index === undefined ? "exact" : `index, ${index.share} of the rows`,
    trials: trials.map(({ share, keeps, looked, ms }) => ({
      search: share === 1 ? "exact" : `index, ${share} of the rows`,
      "keeps of the best": Number(keeps.toFixed(4)),
      looked: Math.round(looked),
      ms: Number(ms.toPrecision(3)),
    })),
  };
}

function sequences(itemCount: number, users: number, random: Random) {
  const offsets = Int32Array.from({ length: users + 1 }, (_, u) => u * TOUCHES);
  const items = new Int32Array(users * TOUCHES);
  const perTopic = Math.max(1, Math.floor(itemCount / TOPICS));
  for (let u = 0; u < users; u++) {
    const tastes = Array.from({ length: TASTES }, () => random.int(TOPICS));
    for (let t = 0; t < TOUCHES; t++) {
      // The rank of a Zipf law with exponent 1, by the inverse of its continuous form.
      const rank = Math.min(perTopic - 1, Math.floor((perTopic + 1) ** random.next() - 1));
      const own = (tastes[random.int(TASTES)]! * perTopic + rank) % itemCount;
      items[u * TOUCHES + t] = random.next() < STRAY ? random.int(itemCount) : own;
    }
  }
  return { offsets, items };
}
