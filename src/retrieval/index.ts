import { als } from "./als.ts";
import { covisitation } from "./covisitation.ts";
import { fresh } from "./fresh.ts";
import { popular } from "./popular.ts";
import type { Source } from "./retriever.ts";
import { transitions } from "./transitions.ts";
import { trending } from "./trending.ts";

/** Every retrieval source. A new one is a file and a line here. */
export const SOURCES: readonly Source[] = [transitions, covisitation, als, popular, trending, fresh];

export { blend, type Candidates, type Contribution, candidatesOf, pickCandidates } from "./blend.ts";
export { queryOf } from "./query.ts";
export type { Columns, FitContext, Query, Retrieved, Retriever, Source } from "./retriever.ts";
export type { Sequences } from "./sequences.ts";
export { TopK } from "./top-k.ts";
