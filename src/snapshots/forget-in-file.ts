/**
 * Takes users out of a snapshot: the file is read whole, and written anew where it has something of theirs.
 *
 * The new file takes the place of the old one in one step. So after a kill at any moment there is the old one, or the
 * new one, and who tries again does what is left.
 */
import { forgetInImage } from "../catalog/index.ts";
import type { UserId } from "../core/index.ts";
import { forgetInStates } from "../state/index.ts";
import { PARTS, type PartName, type SnapshotReader, SnapshotWriter, withReader } from "./snapshot-file.ts";

type Erasures = ReadonlyMap<UserId, number>;

/** A chunk of each part without what the erasures took; undefined where it has nothing of that. */
const FORGET: { readonly [P in PartName]: (chunk: Buffer, erasures: Erasures) => Buffer | undefined } = {
  catalog: forgetInImage,
  states: forgetInStates,
};

/** Whether the file was written anew. Rejects with `snapshot_corrupt` where it cannot be read to its end. */
export async function forgetInFile(path: string, offset: number, erasures: Erasures): Promise<boolean> {
  let writer: SnapshotWriter | undefined;
  try {
    const manifest = await withReader(path, offset, async (reader) => {
      if (!(await holds(reader, erasures))) return undefined;
      writer = await SnapshotWriter.begin(path, offset);
      for (const part of partsOf(reader)) await writer.part(part, without(reader, part, erasures));
      return reader.manifest;
    });
    if (writer === undefined || manifest === undefined) return false;
    // Behind the reader: not every file system replaces a file that is open.
    const { log, statesThrough, createdAt } = manifest;
    await writer.commit({ log, statesThrough, createdAt });
    return true;
  } catch (cause) {
    await writer?.discard();
    throw cause;
  }
}

/** Reads on after the first thing is found: what is damaged may hold more. */
async function holds(reader: SnapshotReader, erasures: Erasures): Promise<boolean> {
  let found = false;
  for (const part of partsOf(reader)) {
    for await (const chunk of reader.chunks(part)) found ||= FORGET[part](chunk, erasures) !== undefined;
  }
  return found;
}

async function* without(reader: SnapshotReader, part: PartName, erasures: Erasures): AsyncGenerator<Buffer> {
  for await (const chunk of reader.chunks(part)) yield FORGET[part](chunk, erasures) ?? chunk;
}

function partsOf(reader: SnapshotReader): readonly PartName[] {
  return PARTS.filter((part) => reader.has(part));
}
