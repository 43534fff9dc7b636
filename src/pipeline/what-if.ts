/**
 * A request about a state that is not there: touches added or taken away, heads weighted otherwise. Only what the
 * request reads is another one; the store, the log and the catalog do not learn of it.
 */
import { type EpochMs, type EventId, UpnextError } from "../core/index.ts";
import { INTERACTION_TYPES, valueProblem } from "../events/index.ts";
import { mergeTouches, type Touch, type UserState } from "../state/index.ts";
import type { StateRead } from "./follower.ts";
import type { PathParts } from "./path-parts.ts";
import type { WhatIf } from "./recommender.ts";

/** More than a state has by default: what was added is in it, whatever is there. */
const UNLIMITED = { touches: Number.MAX_SAFE_INTEGER, vetoes: Number.MAX_SAFE_INTEGER };

/** The same parts, for a user whose state is as `whatIf` says. Throws `invalid_request`. */
export function supposing(parts: PathParts, whatIf: WhatIf): PathParts {
  checkWhatIf(whatIf);
  const { settings, clock } = parts;
  const { encodings: _, ...others } = parts; // they are of the state that is there
  return {
    ...others,
    settings: { ...settings, headWeights: { ...settings.headWeights, ...whatIf.headWeights } },
    readState: async (): Promise<StateRead> => {
      const read = await parts.readState();
      return { ...read, state: supposed(read.state, whatIf, clock.now()) };
    },
  };
}

/** `state` without the touches of the removed items, and with the added ones as the newest, the first one last. */
function supposed(state: UserState, { add = [], remove = [] }: WhatIf, now: EpochMs): UserState {
  const gone = new Set(remove);
  const kept = ({ item }: Touch) => !gone.has(item);
  const left: UserState = {
    ...state,
    touches: state.touches.filter(kept),
    vetoes: state.vetoes.filter(kept),
  };
  const added = add.map(({ item, type, value }, i): Touch => {
    // One millisecond apart, so that their order is that of the list whatever their ids are.
    const time = (now - (add.length - 1 - i)) as EpochMs;
    return { id: `what-if-${i}` as EventId, item, type, value: value ?? Number.NaN, time };
  });
  return mergeTouches(left, added, UNLIMITED);
}

function checkWhatIf({ add = [], headWeights = {} }: WhatIf): void {
  for (const [i, { type, value }] of add.entries()) {
    if (!Object.hasOwn(INTERACTION_TYPES, type)) {
      throw invalid(`whatIf.add[${i}].type: expected a type of interaction, got another text`);
    }
    const problem = value === undefined ? undefined : valueProblem(type, value);
    if (problem !== undefined) throw invalid(`whatIf.add[${i}].value: ${problem}`);
  }
  for (const weight of Object.values(headWeights)) {
    if (!Number.isFinite(weight)) throw invalid("whatIf.headWeights: expected finite weights");
  }
}

function invalid(message: string): UpnextError {
  return new UpnextError("invalid_request", message);
}
