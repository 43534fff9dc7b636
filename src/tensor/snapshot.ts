/** A training run as a checkpoint: steps done, every slot, and what the caller notes beside them. */
import { UpnextError } from "../core/index.ts";
import { decodeCheckpoint, encodeCheckpoint, type NamedArray } from "./checkpoint.ts";
import type { Weights } from "./compile.ts";
import { printShape } from "./dims.ts";
import type { Slot } from "./slots.ts";

/** What a caller keeps in a snapshot beside the training: where it is in the data, the best weights so far. */
export interface Notes {
  /** JSON. */
  readonly facts?: unknown;
  readonly weights?: Weights;
}

/** Facts in which a snapshot and the training that takes it must agree, beside names and shapes of the slots. */
export type Identity = Readonly<Record<string, string | number | null>>;

interface Facts {
  readonly identity: Identity;
  readonly steps: number;
  readonly notes: unknown;
}

const SLOT = "slot/";
const NOTE = "note/";

export function takeSnapshot(
  identity: Identity,
  steps: number,
  slots: readonly Slot[],
  { facts = null, weights = {} }: Notes,
): Uint8Array {
  const arrays: Record<string, NamedArray> = {};
  for (const { name, shape, data } of slots) arrays[SLOT + name] = { shape, data };
  for (const [name, data] of Object.entries(weights)) arrays[NOTE + name] = { shape: [data.length], data };
  return encodeCheckpoint({ facts: { identity, steps, notes: facts } satisfies Facts, arrays });
}

/** Fills the slots; where it throws, none of them. */
export function readSnapshot(
  snapshot: Uint8Array,
  identity: Identity,
  slots: readonly Slot[],
): { readonly steps: number; readonly notes: Required<Notes> } {
  const { facts: read, arrays } = decodeCheckpoint(snapshot);
  // Another kind of checkpoint may have no facts at all.
  const facts = (read ?? {}) as Partial<Facts>;
  for (const [key, expected] of Object.entries(identity)) {
    const came = facts.identity?.[key];
    if (came !== expected) throw incompatible(`${key} ${expected}`, `${came}`);
  }
  const expected = slots.map(({ name, shape }) => label(SLOT + name, shape));
  const weights: Record<string, Float32Array> = {};
  const states = new Map<string, Float32Array>();
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    if (name.startsWith(NOTE)) weights[name.slice(NOTE.length)] = data;
    else states.set(label(name, shape), data);
  }
  const missing = expected.find((slot) => !states.has(slot));
  const unknown = [...states.keys()].find((slot) => !expected.includes(slot));
  if (missing || unknown) throw incompatible(missing ?? "no other array", unknown ?? "none");
  slots.forEach((slot, i) => {
    slot.data.set(states.get(expected[i]!)!);
  });
  return { steps: facts.steps!, notes: { facts: facts.notes, weights } };
}

function label(name: string, shape: readonly number[]): string {
  return `${name} ${printShape(shape)}`;
}

function incompatible(expected: string, came: string): UpnextError {
  return new UpnextError(
    "checkpoint_incompatible",
    `checkpoint: expected ${expected}, came ${came}; go on with the model and the settings that it was written with, or remove it to start the training anew`,
  );
}
