/** Which log this is: 32 hex digits in the file `id`, drawn when the first writer opens the directory. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readNote, writeNote } from "./note-file.ts";

const CURE =
  "Remove the file: the log then gets a new id, and stores that were filled from it are filled again.";

/** The log's id; "" where no writer has opened the directory yet. Rejects with `log_corrupt`. */
export async function readLogId(directory: string): Promise<string> {
  return (await readNote(join(directory, "id"), CURE)) ?? "";
}

/** The same for the writer, which draws one where there is none. */
export async function makeLogId(directory: string): Promise<string> {
  const known = await readLogId(directory);
  if (known !== "") return known;
  const id = randomBytes(16).toString("hex");
  await writeNote(join(directory, "id"), id);
  return id;
}
