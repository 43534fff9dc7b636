/** Checks of a request that types do not make for callers in JavaScript. All throw `invalid_request`. */
import { type Offset, UpnextError, type UserId } from "../core/index.ts";
import { isValidId, isValidPlace } from "../events/index.ts";
import type { Moment, RecommendRequest } from "./recommender.ts";

export const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;
const MAX_WHY_NOT = 20;
const MAX_BUDGET_MS = 60_000;

/** A request as it may come in. */
type Unchecked = { readonly [K in keyof RecommendRequest]?: unknown };

/** Returns the limit, the default one where there is none. */
export function checkRequest(request: Unchecked): number {
  checkUser(request.user);
  if (request.request !== undefined) checkId("request", request.request);
  for (const name of ["include", "exclude", "whyNot"] as const) checkIds(name, request[name]);
  for (const name of ["surface", "device"] as const) checkPlace(name, request[name]);
  checkTexts("categories", request.categories);
  const { budgetMs, after, whyNot, limit = DEFAULT_LIMIT } = request;
  if (budgetMs !== undefined && !(Number(budgetMs) >= 1 && Number(budgetMs) <= MAX_BUDGET_MS)) {
    throw invalid(`budgetMs: expected 1 to ${MAX_BUDGET_MS} milliseconds, got ${String(budgetMs)}`);
  }
  if (after !== undefined && !(Number.isInteger(after) && Number(after) >= 0)) {
    throw invalid(`after: expected an offset, an integer from 0 on, got ${String(after)}`);
  }
  if (Array.isArray(whyNot) && whyNot.length > MAX_WHY_NOT) {
    throw invalid(`whyNot: expected at most ${MAX_WHY_NOT} items, got ${whyNot.length}`);
  }
  return checkLimit(limit);
}

export function checkUser(user: unknown): UserId {
  checkId("user", user);
  return user as UserId;
}

/** A moment of the past: a time, or an offset up to the log's `end`. */
export function checkMoment(at: Moment, end: Offset): Moment {
  if ("offset" in at) {
    if (Number.isInteger(at.offset) && at.offset >= 0 && at.offset <= end) return at;
    throw invalid(`at.offset: expected an integer from 0 to the log's end ${end}, got ${String(at.offset)}`);
  }
  if (Number.isInteger(at.time)) return at;
  throw invalid(`at.time: expected milliseconds since 1970 as an integer, got ${String(at.time)}`);
}

export function checkLimit(limit: unknown): number {
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalid(`limit: expected an integer from 1 to ${MAX_LIMIT}, got ${String(limit)}`);
}

function checkId(where: string, id: unknown): void {
  if (typeof id === "string" && isValidId(id)) return;
  throw invalid(`${where}: expected an id of 1 to 256 characters without control characters`);
}

function checkPlace(where: string, name: unknown): void {
  if (name === undefined || (typeof name === "string" && isValidPlace(name))) return;
  throw invalid(`${where}: expected 1 to 64 characters without control characters, or nothing`);
}

function checkIds(where: string, ids: unknown): void {
  checkTexts(where, ids);
  if (!Array.isArray(ids)) return;
  for (const [i, id] of ids.entries()) checkId(`${where}[${i}]`, id);
}

function checkTexts(where: string, texts: unknown): void {
  if (texts === undefined) return;
  if (Array.isArray(texts) && texts.every((text) => typeof text === "string")) return;
  throw invalid(`${where}: expected a list of texts, or nothing`);
}

function invalid(message: string): UpnextError {
  return new UpnextError("invalid_request", message);
}
