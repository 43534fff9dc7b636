/**
 * What one user has in mind: what was watched, what is being followed, and the mood of the session. A fold of the
 * user's own interactions, so a live viewer can pick up where a log ends.
 */
import { DAY } from "../core/index.ts";
import { TOPICS_OF_VIDEO } from "./catalogue.ts";
import { emptyTaste, tasteOn } from "./drift.ts";
import { dayOf, utility, type World } from "./world.ts";

/** Videos that a user remembers having watched; older ones may be shown and watched again. */
export const REMEMBERED = 128;
const FOLLOWED_AT_MOST = 24;
const MOOD = 8;

/** Log-odds for the next part of a series whose part was watched well, for a week. */
const NEXT_PART = 3;
const NEXT_PART_DAYS = 7;
/** Log-odds for one more of the topic just watched, and for the topic that people turn to after it. */
const SAME_TOPIC = 0.7;
const SUCCESSOR = 1.6;
/** Log-odds lost for each video of a topic beyond this many among the last MOOD of the session. */
const BORED_AFTER = 3;
const BOREDOM = 0.6;
const SEEN_BEFORE = -3;
/** From this share on a watch counts as a good one. */
const GOOD_SHARE = 0.5;

export class Mind {
  readonly user: number;
  /** Rows watched or vetoed, at most REMEMBERED, as a ring. */
  readonly watched: number[] = [];
  /** Rows of creators, in the order of following. */
  readonly followed: number[] = [];
  /** Row of the video watched last, -1 where none was. */
  last = -1;
  private readonly world: World;
  private readonly taste = emptyTaste();
  private tasteDay = Number.NaN;
  private oldest = 0;
  private expected = -1;
  private expectedUntil = 0;
  /** Main topics of this session's latest videos, newest last. */
  private readonly mood: number[] = [];
  private pull = 0;

  constructor(world: World, user: number) {
    this.world = world;
    this.user = user;
  }

  /** The same at this moment; what happens to one of the two does not happen to the other. */
  copy(): Mind {
    const copy = new Mind(this.world, this.user);
    copy.watched.push(...this.watched);
    copy.followed.push(...this.followed);
    copy.mood.push(...this.mood);
    copy.last = this.last;
    copy.oldest = this.oldest;
    copy.expected = this.expected;
    copy.expectedUntil = this.expectedUntil;
    copy.pull = this.pull;
    return copy;
  }

  /** Log-odds that the user, examining a slot with the video `row` now, plays it. */
  interest(row: number, time: number): number {
    this.lookAt(time);
    const { catalogue, topics } = this.world;
    let sum = utility(this.world, this.user, this.taste, row);
    if (row === this.expected && time < this.expectedUntil) sum += NEXT_PART;
    if (this.mood.length > 0) {
      const topic = catalogue.topics[row * TOPICS_OF_VIDEO]!;
      const before = this.mood[this.mood.length - 1]!;
      if (topic === before) sum += SAME_TOPIC * this.pull;
      else if (topic === topics.successor[before]) sum += SUCCESSOR * this.pull;
      let same = 0;
      for (let i = 0; i < this.mood.length; i++) if (this.mood[i] === topic) same++;
      if (same > BORED_AFTER) sum -= BOREDOM * (same - BORED_AFTER);
    }
    return this.watched.includes(row) ? sum + SEEN_BEFORE : sum;
  }

  /** The same without the mood: what the user thinks of it afterwards. */
  opinion(row: number, time: number): number {
    this.lookAt(time);
    return utility(this.world, this.user, this.taste, row);
  }

  /** The topics that the user likes on the day of `time`, with their strengths. */
  tasteAt(time: number): { readonly topics: Int16Array; readonly strengths: Float32Array } {
    this.lookAt(time);
    return this.taste;
  }

  beginSession(): void {
    this.mood.length = 0;
    this.pull = 0;
  }

  /** A video was played to `share` of its length. */
  watch(row: number, share: number, time: number): void {
    const { catalogue } = this.world;
    this.remember(row);
    this.last = row;
    if (this.mood.length === MOOD) this.mood.shift();
    this.mood.push(catalogue.topics[row * TOPICS_OF_VIDEO]!);
    this.pull = share < GOOD_SHARE ? share - 0.3 : share;
    const next = catalogue.nextPart[row]!;
    if (share >= GOOD_SHARE && next >= 0) {
      this.expected = next;
      this.expectedUntil = time + NEXT_PART_DAYS * DAY;
    }
  }

  /** The video must not come back soon. */
  remember(row: number): void {
    if (this.watched.includes(row)) return;
    if (this.watched.length < REMEMBERED) this.watched.push(row);
    else {
      this.watched[this.oldest] = row;
      this.oldest = (this.oldest + 1) % REMEMBERED;
    }
  }

  follow(creator: number): void {
    if (this.followed.length < FOLLOWED_AT_MOST && !this.followed.includes(creator))
      this.followed.push(creator);
  }

  /** The part that the user waits for, if it is among the first `published` videos; -1 otherwise. */
  nextPart(published: number, time: number): number {
    const wanted = this.expected < published && time < this.expectedUntil ? this.expected : -1;
    return wanted >= 0 && !this.watched.includes(wanted) ? wanted : -1;
  }

  private lookAt(time: number): void {
    const day = dayOf(this.world, time);
    if (day === this.tasteDay) return;
    tasteOn(this.world.population, this.world.topics, this.world.driftSalt, this.user, day, this.taste);
    this.tasteDay = day;
  }
}
