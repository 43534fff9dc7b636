/** A real segment file whose operations fail, or hang, while a test wants them to. */
import { openSegmentFile, type SegmentFile } from "../../src/events/log-writer.ts";

type Operation = "write" | "sync" | "truncate";

export function failingDisk() {
  const disk = {
    /** Operations that fail. */
    failing: new Set<Operation>(),
    /** Called after each sync that succeeded. */
    onSync: () => {},
    /** A sync waits for it. */
    held: Promise.resolve(),
  };
  const check = (operation: Operation) => {
    if (disk.failing.has(operation))
      throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
  };
  const openFile = async (path: string): Promise<SegmentFile> => {
    const file = await openSegmentFile(path);
    return {
      ...file,
      async write(bytes, position) {
        // A full disk takes a part.
        if (disk.failing.has("write")) await file.write(bytes.subarray(0, bytes.length >> 1), position);
        check("write");
        await file.write(bytes, position);
      },
      async sync() {
        await disk.held;
        check("sync");
        await file.sync();
        disk.onSync();
      },
      async truncate(size) {
        check("truncate");
        await file.truncate(size);
      },
    };
  };
  return { disk, openFile };
}
