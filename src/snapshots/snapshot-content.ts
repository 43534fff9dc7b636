/** What the parts of a snapshot's file are: the catalog and the states again. */
import { type Catalog, restoreCatalog } from "../catalog/index.ts";
import { decodeStates, type UserState } from "../state/index.ts";
import { corrupt, type SnapshotReader } from "./snapshot-file.ts";

export async function catalogIn(reader: SnapshotReader): Promise<Catalog> {
  const catalog = await restoreCatalog(reader.chunks("catalog"));
  const { offset } = reader.manifest;
  if (catalog.applied === offset) return catalog;
  throw corrupt(reader.path, `the catalog of offset ${offset}`, `that of ${catalog.applied}`);
}

export async function* statesIn(reader: SnapshotReader): AsyncGenerator<UserState> {
  for await (const chunk of reader.chunks("states")) yield* decodeStates(chunk);
}
