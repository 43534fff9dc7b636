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
 * Features of candidates come in as they are: piecewise-linear codes of 500 of them are half of the work of a network of
 * this size. The student attends as target attention does, which is as near to the teachers as a transformer of these
 * widths and takes 1.07 ms of CPU for 500 candidates where that takes 1.26, and a transformer with codes 2.55 (134 and
 * 226 features; least of 15 interleaved rounds).
 */
const STUDENT: NetworkSize = { ...MIDDLE, piecewise: false, dropout: 0 };
const SMALL: NetworkSize = { ...STUDENT, width: 16, attentionHeads: 1, hidden: [48, 24], embedding: 8 };
/**
 * What a teacher says has no noise that could be remembered: students drop no hidden values, and their ids learn at the
 * rate of the rest (mean squared difference to the teachers' logits of clicks and long watches on the last training day
 * of KuaiRand: .0050 and .0058, at the rate of other networks .0058 and .0069).
 */
const TAUGHT: Partial<FitSettings> = { epochs: 8, learningRate: 2e-3, idRate: 1 };

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
    members: [member("transformer", SMALL, TAUGHT)],
    learnsFrom: "ensemble",
  },
  {
    name: "student",
    noun: "the student",
    about: "target attention without codes of candidates' features that learned the ensemble's probabilities",
    teacher: false,
    members: [member("target-attention", STUDENT, TAUGHT)],
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
