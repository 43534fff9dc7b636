/**
 * API keys: known by the SHA-256 digest of their text, so that a configuration that leaks does not leak the keys.
 * Digests are compared in constant time, and every one of them each time: how long a refusal takes says nothing.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type Result, UpnextError } from "../core/index.ts";

/**
 * `read` asks, `write` appends events and forgets users, `admin` decides what is served (promotion, rollback). None holds
 * another: a key has what it names.
 */
export type Scope = "read" | "write" | "admin";

export interface ApiKey {
  /** For people; never sent by a client. */
  readonly name: string;
  /** Hex digest of the key, as `digestApiKey` makes it. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
}

/** The digest of a key, for the configuration. */
export function digestApiKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Whether the headers of a request give it the scope that its route needs. */
export type KeyCheck = (headers: IncomingHttpHeaders, scope: Scope) => Result<true>;

const ADMITTED: Result<true> = { ok: true, value: true };

/** Without keys everyone may do everything. Throws `invalid_config` for a key that could never match. */
export function keyCheckOf(keys: readonly ApiKey[]): KeyCheck {
  if (keys.length === 0) return () => ADMITTED;
  const known = keys.map((key, index) => ({ digest: digestOf(key, index), scopes: new Set(key.scopes) }));
  return (headers, scope) => {
    const presented = presentedKey(headers);
    if (presented === undefined) {
      return refused("unauthorized", "The request has no API key. Send `authorization: Bearer <key>`.");
    }
    const digest = createHash("sha256").update(presented).digest();
    let scopes: ReadonlySet<Scope> | undefined;
    for (const key of known) if (timingSafeEqual(key.digest, digest)) scopes = key.scopes;
    if (scopes === undefined) {
      return refused("unauthorized", "The API key is not known. Check it against the configured digests.");
    }
    if (!scopes.has(scope)) {
      return refused("forbidden", `The API key lacks the scope "${scope}". Use a key that has it.`);
    }
    return ADMITTED;
  };
}

function digestOf(key: ApiKey, index: number): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(key.sha256)) {
    throw new UpnextError(
      "invalid_config",
      `apiKeys[${index}].sha256: expected 64 hex digits, got ${key.sha256.length} characters. Write the SHA-256 digest of the key, not the key.`,
    );
  }
  if (key.scopes.length === 0) {
    throw new UpnextError(
      "invalid_config",
      `apiKeys[${index}].scopes: expected read, write or admin, got none.`,
    );
  }
  return Buffer.from(key.sha256, "hex");
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "");
  if (bearer !== null) return bearer[1];
  const plain = headers["x-api-key"];
  return typeof plain === "string" && plain !== "" ? plain : undefined;
}

function refused(code: "unauthorized" | "forbidden", message: string): Result<true> {
  return { ok: false, problem: { code, message } };
}
