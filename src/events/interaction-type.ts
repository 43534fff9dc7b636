/**
 * What a user can do with an item, once; everything that depends on the type of an interaction is derived here.
 *
 * `code` is what columns and files store and never changes. `role` says how user state and training take it:
 * "engage" is evidence of interest, "avoid" is a veto (the item, or with "block" its creator, is not shown again).
 * `strength` is the weight of the evidence for implicit-feedback models, before the value is looked at (guesses in
 * the usual order of the field: watching < liking < sharing).
 */
export const INTERACTION_TYPES = {
  view: { code: 0, role: "engage", strength: 0.5, value: "none" },
  click: { code: 1, role: "engage", strength: 1, value: "none" },
  watch: { code: 2, role: "engage", strength: 1, value: "share" },
  like: { code: 3, role: "engage", strength: 2, value: "none" },
  comment: { code: 4, role: "engage", strength: 2, value: "none" },
  share: { code: 5, role: "engage", strength: 2, value: "none" },
  save: { code: 6, role: "engage", strength: 2, value: "none" },
  follow: { code: 7, role: "engage", strength: 2, value: "none" },
  purchase: { code: 8, role: "engage", strength: 2, value: "amount" },
  rate: { code: 9, role: "engage", strength: 1, value: "rating" },
  dislike: { code: 10, role: "avoid", strength: 0, value: "none" },
  hide: { code: 11, role: "avoid", strength: 0, value: "none" },
  block: { code: 12, role: "avoid", strength: 0, value: "none" },
} as const satisfies Record<
  string,
  {
    readonly code: number;
    readonly role: "engage" | "avoid";
    readonly strength: number;
    /** What `value` means: the share watched (0..1), an amount (>= 0), a rating (0..10), or nothing. */
    readonly value: "none" | "share" | "amount" | "rating";
  }
>;

export type InteractionType = keyof typeof INTERACTION_TYPES;

/** Types in the order of their codes: `INTERACTION_TYPE_NAMES[code]`. */
export const INTERACTION_TYPE_NAMES = Object.keys(INTERACTION_TYPES) as readonly InteractionType[];

export function interactionCode(type: InteractionType): number {
  return INTERACTION_TYPES[type].code;
}

export function isVeto(type: InteractionType): boolean {
  return INTERACTION_TYPES[type].role === "avoid";
}
