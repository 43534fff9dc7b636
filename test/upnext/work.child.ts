/** For a child process that is killed in the middle of its work: tracks for ever, imports, or trains, and says how far it is. */
import { writeSync } from "node:fs";
import type { Progress } from "../../src/core/index.ts";
import { open } from "../../src/upnext.ts";
import { CONFIG, UNHURRIED } from "./harness.ts";

/** Written at once: a line that the parent has not got is not an acknowledgement. */
const say = (line: string) => writeSync(1, `${line}\n`);

let step = "";
let updates = 0;
const telling: Progress = {
  step(name) {
    step = name;
    updates = 0;
    say(`step ${name}`);
  },
  update() {
    updates++;
    say(`${step} ${updates}`);
  },
  note() {},
};

/** Each line is the id of an event that was acknowledged. */
export async function track(directory: string, run: string): Promise<never> {
  const upnext = await open({ directory, config: CONFIG });
  const writer = async (name: string) => {
    for (let n = 0; ; n++) {
      const id = `${run}/${name}/${n}`;
      const item = `v${n % 50}`;
      await upnext.track({ kind: "interaction", id, user: `u${n % 7}`, item, type: "click", time: 1000 + n });
      say(id);
    }
  };
  return (await Promise.all(["a", "b", "c"].map(writer)))[0]!;
}

export async function load(directory: string, path: string): Promise<void> {
  const upnext = await open({ directory, config: CONFIG });
  await upnext.import({ path }, telling);
  say("done");
  await upnext.close();
}

export async function train(directory: string, unhurried?: "unhurried"): Promise<void> {
  const { config, clock } = UNHURRIED;
  const upnext = await open(
    unhurried ? { directory, config, clock: clock() } : { directory, config: CONFIG },
  );
  const { bundle } = await upnext.train(telling, unhurried ? {} : { rung: "logistic" });
  say(`done ${bundle}`);
  await upnext.close();
}
