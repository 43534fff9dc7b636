/**
 * The library in one file: facts, events, training, a recommendation with its reasons, and being forgotten.
 *
 *   npm run build && npx jiti examples/library.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventInput, open } from "upnext";

// A program would keep its directory: log, user states and trained bundles live there.
const directory = await mkdtemp(join(tmpdir(), "upnext-example-"));
const upnext = await open({ directory, config: { training: { holdOut: 0 } } });

// 1. What there is: 40 videos, half of them about sailing, half about baking.
const about = (video: number) => (video % 2 === 0 ? "sailing" : "baking");
const videos = Array.from(
  { length: 40 },
  (_, v): EventInput => ({
    kind: "item",
    item: `v${v}`,
    facts: { title: `${about(v)}, part ${v >> 1}`, categories: [about(v)], duration: 300 },
  }),
);
await upnext.track(videos);

// 2. What happened: 100 users watched ten videos each, one kind alone, part after part. An event without a time is of
// now; these are of last week.
const lastWeek = Date.now() - 7 * 86_400_000;
const watches: EventInput[] = [];
for (let user = 0; user < 100; user++) {
  for (let step = 0; step < 10; step++) {
    const part = (user + step) % 20;
    watches.push({
      kind: "interaction",
      type: "watch",
      user: `u${user}`,
      item: `v${2 * part + (user % 2)}`,
      value: 0.9, // the share that was watched
      time: lastWeek + user * 60_000 + step * 600_000,
    });
  }
}
await upnext.track(watches);

// 3. Nobody knows "newcomer", and nothing is trained: the answer is the same for everyone, and says so.
const first = await upnext.recommend({ user: "newcomer", limit: 3 });
console.log(`rung ${first.rung}, personal: ${first.personal}, because ${first.reasons.join(", ")}`);

// 4. Learn from the log. The bundle is in service when this resolves.
const report = await upnext.train();
console.log(`trained on ${report.interactions} interactions, ${report.rankerLists} lists for the ranker`);

// 5. One event changes the next answer. `after` makes sure of it, on whatever connection the event came.
const { offset } = await upnext.track({
  kind: "interaction",
  type: "watch",
  user: "newcomer",
  item: "v6",
  value: 1,
});
const next = await upnext.recommend({
  user: "newcomer",
  limit: 3,
  after: offset,
  explain: true,
  whyNot: ["v6"],
});
for (const { position, item, facts, why } of next.items) {
  const found = why?.sources.map(({ name, rank }) => `${name} #${rank + 1}`).join(", ");
  console.log(`${position + 1}. ${item} ${facts?.title} (found by ${found})`);
}
console.log(`not v6: ${next.whyNot?.[0]?.reason}`);
console.log(`rung ${next.rung}, ${next.trace.stages.map(({ stage, out }) => `${stage} ${out}`).join(" > ")}`);

// 6. Forget the user: every event up to now counts as not having happened.
const receipt = await upnext.forget("newcomer");
const after = await upnext.recommend({ user: "newcomer", limit: 3 });
console.log(`forgot ${receipt.state.touches} touch; now personal: ${after.personal}`);

await upnext.close();
await rm(directory, { recursive: true });
