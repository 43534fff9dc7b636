/** The manifest as text and back. Its SHA-256 names the bundle, and it holds the hash of every other file. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { type BundleId, UpnextError } from "../core/index.ts";
import { canonicalJson } from "./canonical-json.ts";
import { fileNameProblem, MANIFEST_FILE } from "./file-name.ts";
import type { Manifest } from "./registry.ts";

const FORMAT = 1;
/** Bytes that are hashed in a millisecond or two (guess). */
const PIECE = 1024 * 1024;

export const BUNDLE_ID = /^[0-9a-f]{16}$/;

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The same in pieces, with a turn of the event loop after each: at once, 25 MB keep everybody waiting for 15 ms and more. */
export async function sha256InPieces(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += PIECE) {
    hash.update(bytes.subarray(at, at + PIECE));
    await setImmediate();
  }
  return hash.digest("hex");
}

export function encodeManifest(manifest: Manifest): { readonly id: BundleId; readonly bytes: Uint8Array } {
  const bytes = new TextEncoder().encode(canonicalJson(manifest));
  return { id: bundleIdOf(bytes), bytes };
}

/** First 16 hex digits of the SHA-256: 64 bits name a few thousand bundles without a realistic collision. */
export function bundleIdOf(manifestBytes: Uint8Array): BundleId {
  return sha256(manifestBytes).slice(0, 16) as BundleId;
}

const count = z.int().nonnegative();
const shape = z.object({
  format: z.literal(FORMAT),
  createdAt: z.number(),
  logOffset: count,
  seed: z.number(),
  itemCount: count,
  fingerprint: z.string(),
  config: z.unknown(),
  metrics: z.unknown(),
  files: z.record(
    z.string().superRefine((name, context) => {
      const problem = fileNameProblem(name);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    }),
    z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: count }),
  ),
});

/** Throws `bundle_corrupt` or `bundle_incompatible`, with the place and the difference. */
export function decodeManifest(id: BundleId, bytes: Uint8Array): Manifest {
  const actual = bundleIdOf(bytes);
  if (actual !== id) {
    throw new UpnextError(
      "bundle_corrupt",
      `bundle ${id}: ${MANIFEST_FILE} expected SHA-256 ${id}…, got ${actual}…; publish the bundle again or roll back`,
    );
  }
  const value = parseJson(id, bytes);
  const format = (value as { readonly format?: unknown } | null)?.format;
  if (format !== FORMAT) {
    throw new UpnextError(
      "bundle_incompatible",
      `bundle ${id}: ${MANIFEST_FILE} expected format ${FORMAT}, got ${JSON.stringify(format)}; train again with this version, or run the version that made it`,
    );
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UpnextError(
      "bundle_incompatible",
      `bundle ${id}: ${MANIFEST_FILE} at ${issue.path.join(".") || "the top"}: ${issue.message}; train again with this version`,
    );
  }
  // The schema has just checked every field; the brands (EpochMs, Offset) are all that it cannot know.
  return parsed.data as unknown as Manifest;
}

function parseJson(id: BundleId, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UpnextError(
      "bundle_incompatible",
      `bundle ${id}: ${MANIFEST_FILE} expected JSON, got something else; train again with this version`,
      { cause },
    );
  }
}
