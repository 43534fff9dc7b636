export type { Columns, FitContext, Query, Retrieved, Retriever, Source } from "./retriever.ts";
export type { Sequences } from "./sequences.ts";
