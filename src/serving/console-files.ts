/**
 * The console's files as they were built, in memory: a page, and what it loads. They are few and small, so each is
 * compressed once and never read again.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** The same place from src/serving and from dist/serving. */
const BUILT = fileURLToPath(new URL("../../dist/console", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

export interface ConsoleFiles {
  /** Undefined where the console was not built. */
  readonly page: ConsoleFile | undefined;
  /** By path below the console, such as `assets/main-4f1c.js`. */
  readonly files: ReadonlyMap<string, ConsoleFile>;
}

export function consoleFiles(folder: string = BUILT): ConsoleFiles {
  const files = new Map<string, ConsoleFile>();
  if (existsSync(folder)) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const type = TYPES[extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(relative(folder, path).split(sep).join("/"), fileOf(readFileSync(path), type));
    }
  }
  return { page: files.get("index.html"), files };
}

function fileOf(bytes: Buffer, type: string): ConsoleFile {
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  return { type, bytes, gzip: gzipSync(bytes, { level: 9 }), etag };
}
