/** The keys of the LMDB store. The first byte says what follows: 0 a fact about the file, 1 and 2 a user's id. */
import type { UserId } from "../core/index.ts";

export const FORMAT_KEY = Buffer.from("\u0000format");
export const APPLIED_KEY = Buffer.from("\u0000applied");
export const LOG_KEY = Buffer.from("\u0000log");
/** At or before every user's key and after all others. */
export const FIRST_USER_KEY = Buffer.from([1]);
/** The id follows as UTF-16 and not as UTF-8. */
const UTF16 = 2;

/** Half of a surrogate pair has no UTF-8: it would become U+FFFD, and different users would share a key. */
const NO_UTF8 = /\p{Cs}/u;

/** At most 1025 bytes for the 256 characters of an id; LMDB takes keys of 1978. */
export function keyOf(user: UserId): Buffer {
  if (NO_UTF8.test(user)) return Buffer.concat([Buffer.from([UTF16]), Buffer.from(user, "utf16le")]);
  return Buffer.from(`\u0001${user}`);
}

/** The user of a key that `keyOf` made. */
export function userOf(key: Buffer): UserId {
  return key.toString(key[0] === UTF16 ? "utf16le" : "utf8", 1) as UserId; // keyOf had a UserId
}

/** The smallest key above `key`. */
export function keyAfter(key: Buffer): Buffer<ArrayBuffer> {
  return Buffer.concat([key, Buffer.from([0])]);
}
