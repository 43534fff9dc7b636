/** Users of an experiment that come back, differ from each other, and act by chance: outcomes whose truth is known. */
import { Random } from "../../src/core/index.ts";
import { halfWidth } from "../../src/experiments/confidence.ts";
import { ArmOutcomes, type Counts, METRICS, noCounts } from "../../src/experiments/outcomes.ts";

export interface Crowd {
  readonly seed: string;
  readonly users: number;
  /** How many times as many long watches the second arm has. */
  readonly lift: number;
  readonly mixture: number;
}

export interface Look {
  readonly users: number;
  /** Of the logarithm of the ratio. */
  readonly value: number;
  readonly se: number;
  readonly half: number;
}

const FEWEST = 50;
const SLOTS = 20;

/**
 * What one sees who looks after every few visits. Visitors are new or come back; how often, and how much they like what
 * they see, differs by user, so that visits of one user are alike.
 */
export function* watched({ seed, users, lift, mixture }: Crowd): Generator<Look> {
  const random = new Random(seed);
  const arms = [new ArmOutcomes(), new ArmOutcomes()] as const;
  const members: { readonly arm: 0 | 1; readonly taste: number; readonly counts: Counts }[] = [];
  const metric = METRICS.findIndex(({ name }) => name === "long-watch-rate");
  for (let visit = 0; members.length < users; visit++) {
    if (members.length < 2 || random.next() < 0.4) {
      const arm = random.next() < 0.5 ? 0 : 1;
      const taste = 0.12 * Math.exp(0.5 * random.normal());
      members.push({ arm, taste, counts: noCounts() });
      arms[arm].count(noCounts(), 1);
    }
    // Some users come back much more often than others.
    const back = Math.floor(members.length * random.next() ** 2);
    const { arm, taste, counts } = members[random.next() < 0.5 ? back : members.length - 1]!;
    const likes = Math.min(0.9, arm === 1 ? taste * lift : taste);
    arms[arm].count(counts, -1);
    counts.feeds++;
    counts.shown += SLOTS;
    for (let slot = 0; slot < SLOTS; slot++) if (random.next() < likes) counts.longWatches++;
    arms[arm].count(counts, 1);
    if (visit % 10 !== 0 || Math.min(arms[0].users, arms[1].users) < FEWEST) continue;
    const [a, b] = arms.map((each) => each.estimate(metric)!) as [
      { value: number; se: number },
      { value: number; se: number },
    ];
    const se = Math.hypot(a.se / a.value, b.se / b.value);
    yield { users: members.length, value: Math.log(b.value / a.value), se, half: halfWidth(se, mixture) };
  }
}
