/** How a history is divided into what trains and what tests. */
import { type EpochMs, UpnextError } from "../core/index.ts";

export type Split =
  /** A user's last item tests, the second last validates, the rest trains. */
  | { readonly kind: "leave-one-out" }
  /** The first `share` of all interactions in time trains, the rest tests. */
  | { readonly kind: "share"; readonly share: number }
  /** Everything before the moment trains, everything from it on tests. */
  | { readonly kind: "moment"; readonly moment: EpochMs };

/**
 * Reads `leave-one-out`, `time:0.9` (a share) or `time:2022-05-01+08:00` (a day or an ISO moment, UTC where no zone is
 * given).
 */
export function parseSplit(text: string): Split {
  if (text === "leave-one-out") return { kind: "leave-one-out" };
  const [kind, value = ""] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (kind === "time") {
    if (/^0?\.\d+$/.test(value)) {
      const share = Number(value);
      if (share > 0 && share < 1) return { kind: "share", share };
    } else {
      const moment = parseMoment(value);
      if (moment !== undefined) return { kind: "moment", moment };
    }
  }
  throw new UpnextError(
    "invalid_request",
    `split: expected leave-one-out, time:SHARE (time:0.9) or time:MOMENT (time:2022-05-01+08:00), got ${JSON.stringify(text)}`,
  );
}

function parseMoment(text: string): EpochMs | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:T([\d:.]+))?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const [, day, time = "00:00", zone = "Z"] = match;
  // Date.parse takes the 30th of February for the 2nd of March.
  const start = Date.parse(`${day}T00:00Z`);
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day) return undefined;
  const moment = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(moment) ? undefined : (moment as EpochMs);
}
