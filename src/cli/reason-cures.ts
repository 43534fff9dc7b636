/** How to mend what keeps an answer from being personal, or the best there is: by reason. */
import { type Check, REASONS, type Reason, type Recommendation } from "../pipeline/recommender.ts";

const CURES: Readonly<Record<Reason, string>> = {
  unknown_user:
    "check the id; the first event makes a user known: POST /v1/events, or npx upnext import PATH",
  no_history: "send what the user watches, clicks or likes; dislikes, hides and erased events are no history",
  not_trained: "npx upnext train",
  state_late: "raise budgetMs in upnext.config.ts, or free the disk and the cores that the store waits for",
  state_unavailable:
    "npx upnext doctor; the folder state/ may be deleted, it is rebuilt from the log at the next start",
  source_late: "raise budgetMs, or lower retrieval.perSource in upnext.config.ts",
  source_failed: "npx upnext train",
  ranking_late: "raise budgetMs, or lower retrieval.candidates in upnext.config.ts",
  overloaded: "serve with more processes or cores, or lower retrieval.candidates in upnext.config.ts",
  ranking_failed: "npx upnext train",
  no_candidates: "ask with allowSeen, with fewer filters, or add items: PUT /v1/items/ID",
};

/** One check for what a user is answered: fine, or a warning for each reason. */
export function userChecks({ personal, reasons, items }: Recommendation): readonly Check[] {
  if (reasons.length === 0) {
    const message = `The answer is ${personal ? "personal" : "not personal"} and complete: ${items.length} items.`;
    return [{ name: "user", level: "ok", message }];
  }
  return reasons.map((reason) => ({
    name: "user",
    level: "warning",
    message: `${reason}: ${REASONS[reason]}`,
    cure: CURES[reason],
  }));
}
