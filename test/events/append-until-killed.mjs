/**
 * Appends events to the log in argv[2] until it is killed; prints "id id …" of each call once it is acknowledged.
 * argv[3] makes ids unlike those of other runs. Run by kill.test.ts.
 */
import { writeSync } from "node:fs";
import { createJiti } from "jiti";

const { openFileLog } = await createJiti(import.meta.url).import("../../src/events/index.ts");
const [directory, run] = process.argv.slice(2);
const log = await openFileLog(directory, { segmentBytes: 40_000 });
writeSync(1, `opened ${log.end}\n`);

async function writer(name, size) {
  for (let n = 0; ; n++) {
    const ids = Array.from({ length: size }, (_, i) => `${run}/${name}/${n}/${i}`);
    await log.append(
      ids.map((id) => ({
        kind: "interaction",
        id,
        time: n,
        user: `u${name}`,
        item: "v1",
        type: "watch",
        value: 0.5,
      })),
    );
    // Written at once: a line that the parent has not got is not an acknowledgement.
    writeSync(1, `${ids.join(" ")}\n`);
  }
}

await Promise.all([writer("a", 1), writer("b", 1), writer("c", 7), writer("d", 100)]);
