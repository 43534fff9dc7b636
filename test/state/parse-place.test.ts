/** Places of user states as text: what each form means, what is refused, and that no password comes back out. */
import { describe, expect, it } from "vitest";
import { UpnextError } from "../../src/core/index.ts";
import { parsePlace, placeText, type StatePlace } from "../../src/state/index.ts";

const OWN = "/data/state";

describe("a place as text", () => {
  it.each<[string, StatePlace]>([
    ["lmdb", { store: "lmdb", path: OWN }],
    ["lmdb:/mnt/states", { store: "lmdb", path: "/mnt/states" }],
    ["redis://127.0.0.1:6379", { store: "redis", url: "redis://127.0.0.1:6379" }],
    ["rediss://me:pw@cache/3?prefix=shop", { store: "redis", url: "rediss://me:pw@cache/3", prefix: "shop" }],
    [
      "redis-cluster://a:7000,b:7001?prefix=x",
      { store: "redis-cluster", nodes: ["redis://a:7000", "redis://b:7001"], prefix: "x" },
    ],
    [
      "rediss-cluster://me:pw@a:7000,b:7001",
      { store: "redis-cluster", nodes: ["rediss://me:pw@a:7000", "rediss://me:pw@b:7001"] },
    ],
    ["dynamodb://states", { store: "dynamodb", table: "states" }],
    [
      "dynamodb://states?region=eu-north-1&endpoint=http://127.0.0.1:8000",
      { store: "dynamodb", table: "states", region: "eu-north-1", endpoint: "http://127.0.0.1:8000" },
    ],
  ])("%s", (text, place) => expect(parsePlace(text, OWN)).toEqual(place));

  it.each([
    ["", /expected lmdb, lmdb:PATH, redis:\/\/HOST/],
    ["memory", /expected lmdb/],
    ["lmdb:", /expected lmdb/],
    ["mysql://db", /got "mysql:"/],
    ["redis://", /expected lmdb/],
    ["redis://h/nine", /number of a database/],
    ["redis://h?prefx=a", /only the parameters prefix, got "prefx"/],
    ["redis://h?prefix=a:b", /expected letters, digits/],
    ["redis-cluster://a,b", /HOST:PORT,HOST:PORT/],
    ["dynamodb://x", /name of a table/],
    ["dynamodb://table?endpoint=ftp://h", /expected an endpoint/],
  ])("%j is refused", (text, message) => {
    expect(() => parsePlace(text, OWN)).toThrow(message);
    expect(() => parsePlace(text, OWN)).toThrow(UpnextError);
  });

  it("keeps passwords to itself, in what it writes and in what it refuses", () => {
    const secrets = ["redis://me:s3cret@h:1/0?prefix=a", "redis-cluster://me:s3cret@a:1,b:2"];
    for (const text of secrets) {
      const shown = placeText(parsePlace(text, OWN));
      expect(shown).not.toContain("s3cret");
      expect(shown).toContain("me@");
    }
    for (const text of ["redis://me:s3cret@h:port", "redis://me:s3cret@h?s=1", "s3cret"]) {
      expect(() => parsePlace(text, OWN)).not.toThrow(/s3cret/);
      expect(() => parsePlace(text, OWN)).toThrow(UpnextError);
    }
  });

  it.each([
    "lmdb:/mnt/states",
    "redis://h:1/2?prefix=a",
    "rediss-cluster://a:1,b:2?prefix=a",
    "dynamodb://states?region=r&endpoint=http%3A%2F%2F127.0.0.1%3A8000%2F",
  ])("%s is the same after a way there and back", (text) => {
    expect(placeText(parsePlace(text, OWN))).toBe(text);
  });
});
