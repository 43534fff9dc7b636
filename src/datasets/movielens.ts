/**
 * MovieLens in its two layouts: `ratings.csv` with `movies.csv` (latest, 20M, 25M, 32M), and `ratings.dat` with
 * `movies.dat` and `users.dat` divided by "::" (1M, 10M). The title's year is no moment, so it goes into the
 * attributes and not into `publishedAt`.
 */
import { UpnextError } from "../core/index.ts";
import type { ItemFacts, ItemUpsert } from "../events/index.ts";
import type { ImportBatch, Importer } from "./importer.ts";
import { fileOf, isGiven, layoutAt } from "./layout.ts";
import { tableBatches } from "./rows/batches.ts";
import { parseId } from "./rows/cells.ts";
import { rowRules, toInteraction } from "./rows/interaction-rows.ts";
import { itemUpsert, toItem, userUpsert } from "./rows/item-rows.ts";
import { requireCsv } from "./tables/csv-table.ts";
import { dividedTable } from "./tables/divided-table.ts";
import type { Table } from "./tables/table.ts";

const RATING = ["userId", "movieId", "rating", "timestamp"] as const;
const MOVIE = ["movieId", "title", "genres"] as const;
const USER = ["userId", "gender", "age", "occupation", "zip"] as const;

interface MovieLens {
  readonly kind: "csv" | "dat";
  readonly ratings: string;
  readonly movies: string;
  readonly users: string | undefined;
}

async function find(path: string): Promise<MovieLens | null> {
  const layout = await layoutAt(path);
  for (const kind of ["csv", "dat"] as const) {
    const [ratings, movies] = [fileOf(layout, `ratings.${kind}`), fileOf(layout, `movies.${kind}`)];
    if (ratings === undefined || movies === undefined || !isGiven(layout, [ratings])) continue;
    if (kind === "csv" && !hasColumns(await requireCsv(ratings), RATING)) continue;
    if (kind === "csv" && !hasColumns(await requireCsv(movies), MOVIE)) continue;
    return { kind, ratings, movies, users: kind === "dat" ? fileOf(layout, "users.dat") : undefined };
  }
  return null;
}

function hasColumns(table: Table, names: readonly string[]): boolean {
  return names.every((name) => table.columns.includes(name));
}

async function required(path: string): Promise<MovieLens> {
  const set = await find(path);
  if (set !== null) return set;
  throw new UpnextError("unknown_format", `${path}: expected ${movielens.about}.`);
}

function tableOf(set: MovieLens, path: string, columns: readonly string[]): Promise<Table> {
  return set.kind === "csv" ? requireCsv(path) : Promise.resolve(dividedTable(path, "::", columns));
}

export const movielens: Importer = {
  name: "movielens",
  about: "MovieLens: ratings.csv with movies.csv, or ratings.dat with movies.dat",
  takesColumns: false,
  async detect({ path }) {
    const set = await find(path);
    if (set === null) return null;
    const users = set.users === undefined ? "" : ", users.dat beside them";
    return `ratings.${set.kind} and movies.${set.kind} are there${users}; every rating is a "rate"`;
  },
  async files({ path }) {
    const set = await required(path);
    return [set.movies, ...(set.users === undefined ? [] : [set.users]), set.ratings];
  },
  async *read({ path }, { now }) {
    const set = await required(path);
    yield* movies(await tableOf(set, set.movies, MOVIE));
    if (set.users !== undefined) yield* users(dividedTable(set.users, "::", USER));
    const rules = rowRules("s", "rate", now);
    const ratings = await tableOf(set, set.ratings, RATING);
    yield* tableBatches(ratings, RATING, ([user, movie, rating, time], line, out) => {
      out.put(line, toInteraction(user, movie, time, undefined, rating, rules));
    });
  },
};

function movies(table: Table): AsyncGenerator<ImportBatch> {
  return tableBatches(table, MOVIE, (cells, line, out) => {
    const genres = cells[2] === "(no genres listed)" ? "" : cells[2];
    const item = toItem(
      { id: cells[0], title: cells[1], categories: genres },
      { durationUnits: 1, published: "s" },
    );
    out.put(line, typeof item === "string" ? item : withYear(item));
  });
}

/** "Toy Story (1995)" was made in 1995. */
function withYear(item: ItemUpsert): ItemUpsert {
  const year = /\((\d{4})\)\s*$/.exec(item.facts.title ?? "")?.[1];
  if (year === undefined) return item;
  const facts: ItemFacts = { ...item.facts, attributes: { year: Number(year) } };
  return itemUpsert(item.item, facts);
}

function users(table: Table): AsyncGenerator<ImportBatch> {
  return tableBatches(table, USER, (cells, line, out) => {
    const user = parseId(cells[0]);
    if (user === undefined) return out.fail(line, "user is not an id");
    out.add(userUpsert(user, userFacts(cells.slice(1, 4), USER.slice(1, 4))));
  });
}

function userFacts(cells: readonly unknown[], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, String(cells[i])]));
}
