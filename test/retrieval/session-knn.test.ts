/** Nearest sessions and what they say, against slow plain code. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silent } from "../../src/core/index.ts";
import {
  type Found,
  type SessionOptions,
  Sessions,
  sessionColumns,
} from "../../src/retrieval/session-knn.ts";
import { queryOver, sequencesOf } from "./checkerboard.ts";

const ITEMS = 8;
const OPTIONS: SessionOptions = {
  length: 4,
  lags: 3,
  decay: 0.5,
  neighbours: 3,
  power: 2,
  reach: 2,
  back: 0.25,
  fade: 2,
  near: 4,
  damping: 0.5,
};

interface Place {
  readonly user: number;
  readonly at: number;
}

interface Near {
  readonly anchor: Place;
  readonly similarity: number;
}

const occurs = (users: readonly (readonly number[])[], item: number) =>
  users.flat().filter((other) => other === item).length;

/** Sessions by the words of the file, nearest first; none are left out. */
function plainNear(users: readonly (readonly number[])[], history: readonly number[]): Near[] {
  const sessions = users.flatMap((user, u) =>
    Array.from({ length: Math.ceil(user.length / OPTIONS.length) }, (_, s) => ({
      user: u,
      from: s * OPTIONS.length,
    })),
  );
  const lags = [...new Set(history.filter((item) => item < ITEMS))].slice(0, OPTIONS.lags);
  const weightOf = (item: number, lag: number) =>
    OPTIONS.decay ** lag * Math.log(1 + sessions.length / Math.max(1, occurs(users, item)));
  const whole = lags.reduce((sum, item, lag) => sum + weightOf(item, lag), 0);
  return sessions.flatMap(({ user, from }) => {
    let anchor: number | undefined;
    let similarity = 0;
    lags.forEach((item, lag) => {
      // The newest place first, as the index has them.
      for (let at = Math.min(from + OPTIONS.length, users[user]!.length) - 1; at >= from; at--) {
        if (users[user]![at] !== item) continue;
        anchor ??= at;
        similarity += weightOf(item, lag) / (1 + Math.abs(at - anchor) / OPTIONS.near);
        break;
      }
    });
    return anchor === undefined ? [] : [{ anchor: { user, at: anchor }, similarity: similarity / whole }];
  });
}

interface Said {
  readonly score: number;
  readonly places: number;
  readonly nearest: number;
}

function plainSaid(users: readonly (readonly number[])[], near: readonly Near[], row: number): Said {
  let score = 0;
  let places = 0;
  let nearest = 0;
  for (const { anchor, similarity } of near) {
    const vote = similarity ** OPTIONS.power;
    users[anchor.user]!.forEach((item, at) => {
      const gap = Math.abs(at - anchor.at);
      if (item !== row || gap === 0 || gap > OPTIONS.reach) return;
      const side = at > anchor.at ? 1 : OPTIONS.back;
      score += (vote * side) / (1 + (gap - 1) / OPTIONS.fade) / occurs(users, row) ** OPTIONS.damping;
      places++;
      nearest = Math.max(nearest, vote);
    });
  }
  return { score, places, nearest };
}

const anyUsers = fc.array(fc.array(fc.nat(ITEMS - 1), { maxLength: 12 }), { maxLength: 6 });
const anyHistory = fc.array(fc.nat(ITEMS + 1), { maxLength: 6 });

async function sessionsOf(users: readonly (readonly number[])[], options: Partial<SessionOptions> = {}) {
  return new Sessions(await sessionColumns(sequencesOf(users, ITEMS), 1000, silent), {
    ...OPTIONS,
    ...options,
  });
}

function saidOf(sessions: Sessions, found: Found): { score: number; places: number; nearest: number }[] {
  const rows = Int32Array.from({ length: ITEMS + 2 }, (_, row) => row);
  const [out, counted, nearest] = [1, 2, 3].map(() => new Float32Array(rows.length).fill(9));
  sessions.of(found, rows, [out!, counted!, nearest!]);
  return Array.from(rows, (row) => ({ score: out![row]!, places: counted![row]!, nearest: nearest![row]! }));
}

describe("session kNN", () => {
  it("finds the sessions that share most, and adds up what they say, for any sequences and history", async () => {
    await fc.assert(
      fc.asyncProperty(anyUsers, anyHistory, async (users, history) => {
        const query = queryOver(history, { allowed: new Uint8Array(ITEMS + 2).fill(1) });
        const near = plainNear(users, history).sort((a, b) => b.similarity - a.similarity);
        const all = await sessionsOf(users, { neighbours: 100 });
        const found = all.near(query);
        expect(found.votes).toHaveLength(near.length);
        found.votes.forEach((vote, i) => {
          expect(vote).toBeCloseTo(near[i]!.similarity ** OPTIONS.power, 5);
        });
        // Which of equally near ones are kept is the index's business: compared where nothing is left out.
        saidOf(all, found).forEach((said, row) => {
          const plain = plainSaid(users, near, row);
          expect(said.score).toBeCloseTo(plain.score, 5);
          expect(said.places).toBe(plain.places);
          expect(said.nearest).toBeCloseTo(plain.nearest, 5);
        });
        const few = (await sessionsOf(users)).near(query);
        expect([...few.votes]).toEqual([...found.votes.subarray(0, OPTIONS.neighbours)]);
      }),
      { numRuns: 200 },
    );
  });

  it("orders the allowed rows by the score that its signal says", async () => {
    const anyMask = fc.uint8Array({ min: 0, max: 1, minLength: ITEMS + 2, maxLength: ITEMS + 2 });
    await fc.assert(
      fc.asyncProperty(anyUsers, anyHistory, anyMask, fc.nat(10), async (users, history, allowed, k) => {
        const sessions = await sessionsOf(users);
        const query = queryOver(history, { allowed });
        const found = sessions.near(query);
        const said = saidOf(sessions, found);
        const best = said
          .map(({ score }, row) => ({ row, score }))
          .filter(({ row, score }) => allowed[row] === 1 && score > 0)
          .sort((a, b) => b.score - a.score || a.row - b.row)
          .slice(0, k);
        const { rows, scores } = sessions.top(found, query, k);
        expect([...rows]).toEqual(best.map(({ row }) => row));
        expect([...scores]).toEqual(best.map(({ score }) => score));
      }),
      { numRuns: 100 },
    );
  });

  it("lets a session that shares two items say more than two sessions that share one", async () => {
    const sessions = await sessionsOf([
      [0, 1, 2],
      [0, 3, 4],
      [1, 4, 3],
    ]);
    const said = saidOf(sessions, sessions.near(queryOver([1, 0])));
    expect(said[2]!.score).toBeGreaterThan(said[3]!.score + said[4]!.score);
    expect(said[2]).toMatchObject({ places: 1 });
  });

  it("takes a touch that is repeated for one, and looks at the newest places of an item alone", async () => {
    const users = [[0, 1], [0, 2], [0, 3], [4]];
    const sessions = await sessionsOf(users);
    const once = sessions.near(queryOver([0, 4]));
    expect(sessions.near(queryOver([0, 0, 4, 0]))).toEqual(once);
    // Later users' times are later: item 0 stands in the third session last.
    const newest = await sessionColumns(sequencesOf(users, ITEMS), 1, silent);
    const found = new Sessions(newest, OPTIONS).near(queryOver([0]));
    expect([...found.anchors]).toEqual([4]);
  });
});
