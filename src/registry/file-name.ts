/** Names of files inside a bundle: relative, "/" between segments, nothing that could lead out of its directory. */

/** Kept free for the manifest itself. */
export const MANIFEST_FILE = "manifest.json";

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** What is wrong with `name`, or null. */
export function fileNameProblem(name: string): string | null {
  if (name === MANIFEST_FILE) return `the name "${MANIFEST_FILE}" is taken by the manifest`;
  for (const segment of name.split("/")) {
    if (!SEGMENT.test(segment)) {
      return `each part of a name between "/" must be 1 to 128 of A-Z a-z 0-9 . _ - and not begin with . or -, got ${JSON.stringify(segment)}`;
    }
  }
  return null;
}
