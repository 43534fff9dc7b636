/** Reading a bundle: every byte is compared with the manifest's hashes before anyone gets to see it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BundleId, errorCode, UpnextError } from "../core/index.ts";
import { MANIFEST_FILE } from "./file-name.ts";
import { BUNDLE_ID, decodeManifest, sha256InPieces } from "./manifest.ts";
import type { Bundle, Manifest } from "./registry.ts";

const CURE = "publish the bundle again or roll back";

/** Rejects with `no_bundle`, `bundle_corrupt` or `bundle_incompatible`. */
export async function readManifest(directory: string, id: BundleId): Promise<Manifest> {
  // Checked before it becomes a path: an id from a request must not lead elsewhere.
  if (!BUNDLE_ID.test(id)) {
    throw new UpnextError("no_bundle", `registry: a bundle id is 16 hex digits, got ${JSON.stringify(id)}`);
  }
  return decodeManifest(id, await readManifestBytes(directory, id));
}

async function readManifestBytes(directory: string, id: BundleId): Promise<Uint8Array> {
  try {
    return await readFile(join(directory, id, MANIFEST_FILE));
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
    throw new UpnextError(
      "no_bundle",
      `registry: no bundle ${id} in ${directory} (it has no ${MANIFEST_FILE}); \`list\` names those that are there`,
      { cause },
    );
  }
}

export async function readBundle(directory: string, id: BundleId): Promise<Bundle> {
  const manifest = await readManifest(directory, id);
  const files = new Map<string, Uint8Array>();
  for (const [name, expected] of Object.entries(manifest.files)) {
    const bytes = await readBundleFile(directory, id, name);
    if (bytes.length !== expected.bytes) {
      throw corrupt(id, name, `expected ${expected.bytes} bytes, got ${bytes.length}`);
    }
    const actual = await sha256InPieces(bytes);
    if (actual !== expected.sha256) {
      throw corrupt(id, name, `expected SHA-256 ${expected.sha256}, got ${actual}`);
    }
    files.set(name, bytes);
  }
  return {
    id,
    manifest,
    file(name) {
      const bytes = files.get(name);
      if (bytes !== undefined) return bytes;
      throw new UpnextError(
        "bundle_incompatible",
        `bundle ${id}: expected a file "${name}", got ${[...files.keys()].join(", ") || "no files"}; train again with this version`,
      );
    },
  };
}

async function readBundleFile(directory: string, id: BundleId, name: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(join(directory, id, name));
    // At offset 0 of a buffer of its own, so that a loader may lay a Float64Array over it without a copy.
    return bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length ? bytes : new Uint8Array(bytes);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "ENOENT" || code === "ENOTDIR") throw corrupt(id, name, "expected a file, got none", cause);
    if (code === "EISDIR") throw corrupt(id, name, "expected a file, got a directory", cause);
    throw cause;
  }
}

function corrupt(id: BundleId, name: string, difference: string, cause?: unknown): UpnextError {
  return new UpnextError("bundle_corrupt", `bundle ${id}: file "${name}" ${difference}; ${CURE}`, { cause });
}
