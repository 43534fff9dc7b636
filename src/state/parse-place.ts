/**
 * A place of user states as one line of text, as a command line names it, and back:
 *
 *     lmdb                                          the directory's own folder
 *     lmdb:PATH
 *     redis://[[user]:password@]host[:port][/database][?prefix=P]        rediss:// for TLS
 *     redis-cluster://[[user]:password@]host:port,host:port…[?prefix=P]  rediss-cluster:// for TLS
 *     dynamodb://TABLE[?region=R&endpoint=URL]
 */
import { resolve } from "node:path";
import { UpnextError } from "../core/index.ts";
import type { DynamoDbPlace, RedisClusterPlace, RedisPlace, StatePlace } from "./state-place.ts";

const FORMS = "lmdb, lmdb:PATH, redis://HOST, redis-cluster://HOST:PORT,HOST:PORT or dynamodb://TABLE";
const PREFIX = /^[\w-]{1,32}$/;
const TABLE = /^[\w.-]{3,255}$/;

/**
 * Throws `invalid_request`; the message has nothing of the text but the part that is wrong, and never a password.
 *
 * @param lmdbPath the folder that `lmdb` alone means
 */
export function parsePlace(text: string, lmdbPath: string): StatePlace {
  if (text === "lmdb") return { store: "lmdb", path: lmdbPath };
  if (text.startsWith("lmdb:") && text.length > 5) return { store: "lmdb", path: resolve(text.slice(5)) };
  const [, scheme, rest = ""] = /^([a-z-]+):\/\/(.+)$/s.exec(text) ?? [];
  switch (scheme) {
    case "redis":
    case "rediss":
      return redisPlace(scheme, rest);
    case "redis-cluster":
      return clusterPlace("redis", rest);
    case "rediss-cluster":
      return clusterPlace("rediss", rest);
    case "dynamodb":
      return tablePlace(rest);
    default:
      throw refused(`expected ${FORMS}, got ${scheme === undefined ? "something else" : `"${scheme}:"`}`);
  }
}

/** The place as text that `parsePlace` takes, without passwords. */
export function placeText(place: StatePlace): string {
  switch (place.store) {
    case "memory":
      return "memory";
    case "lmdb":
      return `lmdb:${place.path}`;
    case "redis":
      return `${withoutPassword(place.url)}${query({ prefix: place.prefix })}`;
    case "redis-cluster": {
      const urls = place.nodes.map((node) => new URL(node));
      const scheme = urls[0]?.protocol === "rediss:" ? "rediss-cluster" : "redis-cluster";
      const user = urls[0]?.username ? `${urls[0].username}@` : "";
      return `${scheme}://${user}${urls.map(({ host }) => host).join(",")}${query({ prefix: place.prefix })}`;
    }
    case "dynamodb": {
      const { table = "upnext-state", region, endpoint } = place;
      return `dynamodb://${table}${query({ region, endpoint: endpoint && withoutPassword(endpoint) })}`;
    }
  }
}

function redisPlace(scheme: string, rest: string): RedisPlace {
  const url = parsedUrl(`${scheme}://${rest}`, scheme);
  const { prefix } = parameters(url.searchParams, ["prefix"]);
  if (url.hostname === "") throw refused(`${scheme}: expected a host`);
  if (!/^(\/\d*)?$/.test(url.pathname)) throw refused(`${scheme}: expected the number of a database as path`);
  url.search = "";
  return { store: "redis", url: url.href, ...prefixed(prefix) };
}

function clusterPlace(scheme: string, rest: string): RedisClusterPlace {
  const [, credentials = "", hosts = "", search = ""] = /^([^@]*@)?([^?]*)(?:\?(.*))?$/s.exec(rest) ?? [];
  const { prefix } = parameters(new URLSearchParams(search), ["prefix"]);
  const nodes = hosts.split(",").map((host) => {
    if (!/^[^/]+:\d+$/.test(host)) throw refused("redis-cluster: expected HOST:PORT,HOST:PORT as nodes");
    return parsedUrl(`${scheme}://${credentials}${host}`, "redis-cluster").href;
  });
  return { store: "redis-cluster", nodes, ...prefixed(prefix) };
}

function tablePlace(rest: string): DynamoDbPlace {
  const [, table = "", search = ""] = /^([^?]*)(?:\?(.*))?$/s.exec(rest) ?? [];
  if (!TABLE.test(table))
    throw refused("dynamodb: expected the name of a table, 3 to 255 letters, digits, _ - .");
  const { region, endpoint } = parameters(new URLSearchParams(search), ["region", "endpoint"]);
  if (endpoint !== undefined && !/^https?:\/\/./.test(endpoint)) {
    throw refused("dynamodb: expected an endpoint that begins with http:// or https://");
  }
  return { store: "dynamodb", table, ...(region && { region }), ...(endpoint && { endpoint }) };
}

function parsedUrl(text: string, scheme: string): URL {
  try {
    return new URL(text);
  } catch {
    throw refused(
      `${scheme}: expected a URL that can be read; write special characters of a password as %XX`,
    );
  }
}

function prefixed(prefix: string | undefined): { readonly prefix?: string } {
  if (prefix === undefined) return {};
  if (!PREFIX.test(prefix)) throw refused("prefix: expected letters, digits, - and _, at most 32");
  return { prefix };
}

/** The parameters with these names; others are refused, for a misspelt one would lead to another place. */
function parameters<const N extends string>(
  given: URLSearchParams,
  names: readonly N[],
): { readonly [K in N]?: string } {
  const found: { [K in N]?: string } = {};
  for (const [name, value] of given) {
    const known = names.find((one) => one === name);
    if (known === undefined) throw refused(`expected only the parameters ${names.join(", ")}, got "${name}"`);
    found[known] = value;
  }
  return found;
}

function query(given: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  url.password = "";
  return url.href;
}

function refused(what: string): UpnextError {
  return new UpnextError("invalid_request", `place of user states: ${what}.`);
}
