/**
 * The body of `POST /v1/events`: one event, a list of events, or `{ events: [...] }`. Either every event of it is
 * valid or nothing is written, and then each bad one is named.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EpochMs, EventId, Problem } from "../core/index.ts";
import { type Event, parseEvent } from "../events/index.ts";
import type { IndexedProblem } from "./error-answer.ts";

/** Bad events that an answer lists. */
const MAX_LISTED = 20;

/** Events that are parsed before other requests get their turn: about a millisecond's worth. */
const TURN = 256;

export type EventBatch =
  | { readonly ok: true; readonly events: readonly Event[] }
  | { readonly ok: false; readonly problem: Problem; readonly problems?: readonly IndexedProblem[] };

export interface BatchLimits {
  readonly now: EpochMs;
  readonly makeId: () => EventId;
  readonly maxBatch: number;
}

export async function parseEventBatch(body: unknown, limits: BatchLimits): Promise<EventBatch> {
  if (!Array.isArray(body) && !isWrapped(body)) return parseSingle(body, limits);
  const inputs = Array.isArray(body) ? body : body.events;
  if (!Array.isArray(inputs)) {
    return refuse("invalid_event", 'events: expected a list of events. Send {"events": [{…}, …]}.');
  }
  if (!Array.isArray(body) && Object.keys(body).length > 1) {
    return refuse("invalid_event", "body: expected no key beside events. Put each event into the list.");
  }
  if (inputs.length > limits.maxBatch) {
    const message = `events: expected at most ${limits.maxBatch} in one request, got ${inputs.length}. Split the batch.`;
    return refuse("batch_too_large", message);
  }
  return parseAll(inputs, limits);
}

function isWrapped(body: unknown): body is { readonly events: unknown } {
  return typeof body === "object" && body !== null && "events" in body;
}

function refuse(code: Problem["code"], message: string): EventBatch {
  return { ok: false, problem: { code, message } };
}

function parseSingle(body: unknown, { now, makeId }: BatchLimits): EventBatch {
  const parsed = parseEvent(body, { now, makeId });
  return parsed.ok ? { ok: true, events: [parsed.value] } : { ok: false, problem: parsed.problem };
}

async function parseAll(inputs: readonly unknown[], stamps: BatchLimits): Promise<EventBatch> {
  const events: Event[] = [];
  const problems: IndexedProblem[] = [];
  let bad = 0;
  for (const [index, input] of inputs.entries()) {
    if (index % TURN === TURN - 1) await nextTurn();
    const parsed = parseEvent(input, stamps);
    if (parsed.ok) {
      events.push(parsed.value);
      continue;
    }
    bad += 1;
    if (problems.length < MAX_LISTED) problems.push({ index, message: messageAbout(input, index, stamps) });
  }
  if (bad === 0) return { ok: true, events };
  const count = `${bad} of ${inputs.length} ${bad === 1 ? "events is" : "events are"} not valid`;
  const message = `${count}; nothing was written. First: ${problems[0]?.message}`;
  return { ok: false, problem: { code: "invalid_event", message }, problems };
}

/** What is wrong with it, and where: named only for the bad ones, since a name for each costs as much as its check. */
function messageAbout(input: unknown, index: number, { now, makeId }: BatchLimits): string {
  const parsed = parseEvent(input, { now, makeId, where: `events[${index}]` });
  if (parsed.ok) throw new Error("an event that was not valid is valid now");
  return parsed.problem.message;
}
