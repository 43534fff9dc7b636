/** A request is computed again to the bit where retention has dropped its past, or not at all. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type EpochMs,
  ManualClock,
  type Ms,
  type Offset,
  type RequestId,
  type UserId,
} from "../../src/core/index.ts";
import type { Impression } from "../../src/events/index.ts";
import { type PathSettings, replayRequest } from "../../src/pipeline/index.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { openFileRegistry, type Registry } from "../../src/registry/index.ts";
import { openSnapshots, type Snapshots } from "../../src/snapshots/index.ts";
import { cutLog } from "./cut-log.ts";
import { baseOf, CLOCK, foldsOf, LIMITS, mixedLog } from "./folds.ts";

const EVENTS = mixedLog(800, "replayed");
const FIRST = 250;
const SETTINGS: PathSettings & { limit: number } = {
  candidates: 100,
  perSource: 100,
  headWeights: {},
  policy: DEFAULT_POLICY,
  limit: 10,
};

let home: string;
let registry: Registry;
let snapshots: Snapshots;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-replayed-"));
  registry = await openFileRegistry(join(home, "bundles"), { clock: new ManualClock() });
  snapshots = await openSnapshots(join(home, "snapshots"), { clock: CLOCK, log: "log" });
  for (const count of [300, 600]) await snapshots.write(baseOf(await foldsOf(EVENTS.slice(0, count))));
});
afterAll(() => rm(home, { recursive: true }));

/** What upnext logs of a request that saw the events before `offset`. */
function impressionAt(offset: number, user: string): Impression {
  const request = { user, limit: 8 };
  return {
    kind: "impression",
    id: `i-${offset}` as Impression["id"],
    time: (EVENTS[offset - 1]!.event.time + 200_000) as EpochMs,
    user: user as UserId,
    request: `r-${offset}` as RequestId,
    slots: [],
    context: { offset: offset as Offset, request, fingerprint: "" },
  };
}

async function replayed(first: number, offset: number, user: string, maxAge?: number) {
  const limits = { ...LIMITS, ...(maxAge !== undefined && { maxAge: maxAge as Ms }) };
  const log = cutLog(EVENTS, first);
  const where = first > 0 ? snapshots : undefined;
  const path = await replayRequest(log, registry, impressionAt(offset, user), limits, SETTINGS, where);
  const { query, candidates, features, scores, slate, mask } = path;
  const touches = [...query.items].map((row, i) => [row, query.times[i], query.weights[i]]);
  return {
    offset: path.offset,
    touches,
    allowed: [...mask.allowed],
    rows: [...candidates.rows],
    features,
    scores: [...scores],
    slate: [...slate.order],
  };
}

it("gives the same from a base and the rest of the log as from the whole log, to the bit", async () => {
  let touches = 0;
  for (const [offset, user] of [
    [300, "u1"],
    [301, "u2"],
    [599, "u3"],
    [600, "u4"],
    [780, "u5"],
    [800, "u6"],
  ] as const) {
    const whole = await replayed(0, offset, user);
    expect(whole.rows.length).toBeGreaterThan(10);
    touches += whole.touches.length;
    expect(await replayed(FIRST, offset, user)).toEqual(whole);
  }
  expect(touches).toBeGreaterThan(15);
});

it("leaves out what had expired when the request was answered, not what has expired since", async () => {
  const all = await replayed(0, 700, "u1");
  // As old as the third newest: that one has just expired.
  const maxAge = impressionAt(700, "u1").time - all.touches[2]![1]!;
  const young = await replayed(0, 700, "u1", maxAge);
  expect(young.touches).toEqual(all.touches.slice(0, 2));
  expect(await replayed(FIRST, 700, "u1", maxAge)).toEqual(young);
});

it("says that retention has dropped what the request saw", async () => {
  for (const offset of [260, 299]) {
    await expect(replayed(FIRST, offset, "u1")).rejects.toMatchObject({
      code: "unknown_request",
      message: expect.stringContaining(`retention has dropped the events before ${FIRST}`),
    });
  }
});
