/**
 * A simulated user in front of a live system: shown a slate, it answers with what the user does, by the same code that
 * makes the offline log. Its tastes go on drifting with the time it is told.
 */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../core/index.ts";
import { UpnextError } from "../core/index.ts";
import { type Interaction, isVeto } from "../events/index.ts";
import { arrive, type Outcome, type Record, staying, viewSlate } from "./behaviour.ts";
import { itemId, makeInteraction } from "./make-event.ts";
import { Mind } from "./mind.ts";
import { sigmoid } from "./sampling.ts";
import { itemRow, userRow, type World } from "./world.ts";

export interface ViewerOptions {
  readonly user: UserId;
  /** Makes the ids of the viewer's events. */
  readonly makeId: () => EventId;
  /** Two viewers of one user and seed do the same with the same slates. Default 1. */
  readonly seed?: number;
}

export interface ViewerAnswer {
  /** In the order of time, the first not before the slate. */
  readonly events: readonly Interaction[];
  /** When the user is done: the time of the next slate, if there is one. */
  readonly time: EpochMs;
  /** Whether the user wants another slate now. */
  readonly stays: boolean;
}

export interface Viewer {
  readonly user: UserId;
  /** Takes in what the user did before: the log's interactions of this user, in order. Others are ignored. */
  remember(interaction: Interaction): void;
  /** Begins a session at `time`: may go on with a series or search, without any slate. */
  arrive(time: EpochMs): ViewerAnswer;
  /** Looks through a slate. Items that the world does not have are passed over. */
  view(slate: {
    readonly request: RequestId;
    readonly items: readonly ItemId[];
    readonly time: EpochMs;
  }): ViewerAnswer;
  /**
   * How often each slot would be played if the user were shown the slate now, in `draws` trials: what off-policy
   * estimates are compared with. Nothing of it is remembered, and what the user really does stays the same.
   *
   * @returns (slots) shares of the trials
   */
  imagine(slate: { readonly items: readonly ItemId[]; readonly time: EpochMs }, draws: number): Float64Array;
  /** Probability that the user, having looked at a slot with this item now, plays it; NaN for unknown items. */
  interest(item: ItemId, time: EpochMs): number;
}

/** Throws `invalid_request` where the world has no such user. */
export function createViewer(world: World, options: ViewerOptions): Viewer {
  const user = userRow(world, options.user);
  if (user < 0)
    throw new UpnextError(
      "invalid_request",
      `viewer: expected a user of this world, u1 to u${world.population.count}, got another id`,
    );
  const random = world.random.fork(`viewer/${options.seed ?? 1}/${user}`);
  const imagination = random.fork("imagine");
  const mind = new Mind(world, user);
  let events: Interaction[] = [];
  const record: Record = (time, row, type, value, request) => {
    events.push(makeInteraction(options.makeId(), time, options.user, itemId(row), type, value, request));
  };
  const scene = { world, mind, random, record };
  const answer = (outcome: Outcome, stays: number): ViewerAnswer => {
    const made = events;
    events = [];
    return { events: made, time: Math.ceil(outcome.time) as EpochMs, stays: random.next() < stays };
  };
  return {
    user: options.user,
    remember({ user: whose, item, type, time, value }) {
      const row = itemRow(world, item);
      if (whose !== options.user || row < 0) return;
      if (type === "watch") mind.watch(row, value ?? 1, time);
      else if (type === "follow") mind.follow(world.catalogue.creator[row]!);
      else if (isVeto(type)) mind.remember(row);
    },
    arrive(time) {
      return answer(arrive(scene, time), 1);
    },
    view({ request, items, time }) {
      const rows = items.map((item) => itemRow(world, item));
      const outcome = viewSlate(scene, rows, rows.length, time, request);
      return answer(outcome, staying(world, user, outcome.plays));
    },
    imagine({ items, time }, draws) {
      const rows = items.map((item) => itemRow(world, item));
      const shares = new Float64Array(rows.length);
      // What answers the slate carries its request; what is played after that, on the user's own account, does not.
      const watched: Record = (_, row, type, __, request) => {
        if (type === "watch" && request !== undefined) shares[rows.indexOf(row)]! += 1 / draws;
      };
      for (let draw = 0; draw < draws; draw++)
        viewSlate(
          { world, mind: mind.copy(), random: imagination, record: watched },
          rows,
          rows.length,
          time,
          "",
        );
      return shares;
    },
    interest(item, time) {
      const row = itemRow(world, item);
      return row < 0 ? Number.NaN : sigmoid(mind.interest(row, time));
    },
  };
}
