/** The rungs: kinds of rankers from simple to complex, each fitted to the same lists. */
import type { RankingArchitecture } from "../../models/index.ts";
import { DEFAULT_FIT, type FitSettings } from "./fit-network.ts";
import type { NetworkSize } from "./network-shape.ts";

export interface Member {
  readonly architecture: RankingArchitecture;
  readonly size: NetworkSize;
  readonly fit: FitSettings;
}

export interface RungKind {
  readonly name: string;
  /** As a part of a sentence. */
  readonly noun: string;
  readonly about: string;
  /** Whether it is there for students to learn from. */
  readonly teacher: boolean;
  /** Its networks; of several, the mean of the logits counts. */
  readonly members: readonly Member[];
  /** The rung whose probabilities it learns instead of what followed. */
  readonly learnsFrom?: string;
  /** Whether it costs so little that it answers where there is no time for the one that serves. */
  readonly standsIn?: true;
  /** The rung whose weights it has, in 8 bits. */
  readonly quantizes?: string;
}

const NO_SIZE: NetworkSize = {
  width: 4,
  blocks: 1,
  attentionHeads: 1,
  hidden: [4, 4],
  piecewise: false,
  embedding: 4,
  dropout: 0,
  idDropout: 0,
};
const MIDDLE: NetworkSize = {
  width: 32,
  blocks: 1,
  attentionHeads: 2,
  hidden: [128, 64],
  piecewise: true,
  embedding: 16,
  dropout: 0.2,
  idDropout: 0.1,
};
/**
 * Features come in as they are: piecewise-linear codes are half of the work of a network of this size, and on the last
 * training day of KuaiRand students without them reached what their teachers did (AUC of clicks .7630 and .7631 after
 * .7628, of long watches .7695 and .7694 after .7693). With 134 and 209 features 500 candidates took 1.18 ms of CPU, the
 * small one 0.63, a MIDDLE one 2.52; the mean squared difference of a click's logit to the teachers' was .0060 and .0096.
 */
const STUDENT: NetworkSize = { ...MIDDLE, piecewise: false, dropout: 0.05 };
const SMALL: NetworkSize = { ...STUDENT, width: 16, attentionHeads: 1, hidden: [48, 24], embedding: 8 };

const member = (
  architecture: RankingArchitecture,
  size: NetworkSize,
  fit: Partial<FitSettings> = {},
): Member => ({ architecture, size, fit: { ...DEFAULT_FIT, ...fit } });

const transformer = member("transformer", MIDDLE);
const targetAttention = member("target-attention", MIDDLE);

export const RANKING_RUNGS: readonly RungKind[] = [
  {
    name: "popularity",
    noun: "popularity",
    about: "how often each action followed the item, whoever was asking",
    teacher: false,
    members: [member("popularity", NO_SIZE, { epochs: 2, learningRate: 1e-2 })],
  },
  {
    name: "logistic",
    noun: "the logistic regression",
    about: "a weighted sum of the features",
    teacher: false,
    standsIn: true,
    members: [member("logistic", NO_SIZE, { epochs: 4, learningRate: 3e-3, weightDecay: 1e-3 })],
  },
  {
    name: "feature-network",
    noun: "the feature network",
    about: "features as piecewise-linear codes through hidden layers",
    teacher: false,
    members: [member("feature-network", MIDDLE)],
  },
  {
    name: "target-attention",
    noun: "target attention",
    about: "the feature network with what the candidate finds in the user's history",
    teacher: false,
    members: [targetAttention],
  },
  {
    name: "transformer",
    noun: "the transformer",
    about: "the history through transformer blocks, each candidate attending to it and to itself",
    teacher: false,
    members: [transformer],
  },
  {
    name: "ensemble",
    noun: "the ensemble",
    about: "the mean of several transformers and target attention networks",
    teacher: true,
    members: [transformer, transformer, transformer, targetAttention, targetAttention],
  },
  {
    name: "small-student",
    noun: "the small student",
    about: "a small transformer that learned the ensemble's probabilities",
    teacher: false,
    members: [member("transformer", SMALL, { epochs: 8, learningRate: 2e-3 })],
    learnsFrom: "ensemble",
  },
  {
    name: "student",
    noun: "the student",
    about: "a transformer without codes of features that learned the ensemble's probabilities",
    teacher: false,
    members: [member("transformer", STUDENT, { epochs: 8, learningRate: 2e-3 })],
    learnsFrom: "ensemble",
  },
  {
    name: "student-int8",
    noun: "the 8-bit student",
    about: "the student with weights and activations of 8 bits",
    teacher: false,
    members: [],
    quantizes: "student",
  },
];

export function rungNamed(name: string): RungKind {
  return RANKING_RUNGS.find((rung) => rung.name === name)!;
}
