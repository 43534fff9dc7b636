/** What to try once the server is up: lines that can be pasted, in an order that tells a story. */
import { quoted } from "./command-line.ts";

export interface TryNext {
  readonly url: string;
  readonly user: string;
  /** An item that the user is shown now: watching it changes the next answer. */
  readonly item: string;
  /** This program, with its options for the directory. */
  readonly program: string;
  /** Whether the server asks for an API key. */
  readonly keyed: boolean;
}

export function tryNextText({ url, user, item, program, keyed }: TryNext): string {
  const curl = keyed ? 'curl -s -H "authorization: Bearer $UPNEXT_KEY"' : "curl -s";
  const query = `user=${inUrl(user)}&limit=5`;
  const event = JSON.stringify({ user, item, type: "watch", value: 0.95 }).replaceAll("'", "\\u0027");
  const lines: readonly (readonly [string, string])[] = [
    [
      `five items for ${user}, and why each is there`,
      `${curl} '${url}/v1/recommendations?${query}&explain=true'`,
    ],
    [
      `${user} watches the first of them; the answer has the offset`,
      `OFFSET=$(${curl} ${url}/v1/events -H 'content-type: application/json' -d '${event}' | sed 's/.*"offset":\\([0-9]*\\).*/\\1/')`,
    ],
    [
      "the same question again: this answer reflects that event",
      `${curl} "${url}/v1/recommendations?${query}&after=$OFFSET"`,
    ],
    ["what goes with an item", `${curl} '${url}/v1/items/${inUrl(item)}/similar?limit=5'`],
    ["what is known of the user", `${curl} '${url}/v1/users/${inUrl(user)}/state'`],
    [
      "metrics for Prometheus, and the description of the whole API",
      `${curl} ${url}/metrics; ${curl} ${url}/openapi.json`,
    ],
    [
      "the same without HTTP, and what could be better",
      `${program} recommend --user ${quoted(user)} --why; ${program} doctor`,
    ],
  ];
  return lines.map(([what, line]) => `  # ${what}\n  ${line}`).join("\n");
}

/** `text` in a URL between single quotes: encodeURIComponent leaves those as they are. */
function inUrl(text: string): string {
  return encodeURIComponent(text).replaceAll("'", "%27");
}
