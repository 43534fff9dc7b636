/**
 * Who is in which arm: a hash of experiment and user, so that every replica, today and after a restart, says the same
 * without asking anybody, and so that what one experiment does with a user says nothing about another one's.
 */
import { createHash } from "node:crypto";
import type { UserId } from "../core/index.ts";
import type { Arm } from "./experiment.ts";

/** 48 bits are what a number holds with room to spare: shares are exact to one user in 10^14. */
const BITS = 48;

/**
 * The user's place in the experiment, uniform in [0, 1): the first 48 bits of SHA-256 of its name, a line feed (which
 * neither has), and the user.
 */
export function placeOf(experiment: string, user: UserId): number {
  const digest = createHash("sha256").update(`${experiment}\n${user}`).digest();
  return digest.readUIntBE(0, BITS / 8) / 2 ** BITS;
}

/** Index of the user's arm, or -1 for none: arms lie one after the other from 0 on, what is left belongs to nobody. */
export function armOf(
  { name, arms }: { readonly name: string; readonly arms: readonly Arm[] },
  user: UserId,
): number {
  const place = placeOf(name, user);
  let end = 0;
  for (let a = 0; a < arms.length; a++) {
    end += arms[a]!.share;
    if (place < end) return a;
  }
  return -1;
}
