/**
 * The id spaces. Ids from outside are strings; inside, an item is its row in the catalog, an integer that is
 * assigned in the order of the log and never reused, so that every table about items is a plain column.
 */
import type { Brand } from "./brand.ts";

export type UserId = Brand<string, "UserId">;
export type ItemId = Brand<string, "ItemId">;
/** Given by the sender; appending the same id twice changes nothing. */
export type EventId = Brand<string, "EventId">;
export type RequestId = Brand<string, "RequestId">;
/** Name of a bundle: the hex digest of its content. */
export type BundleId = Brand<string, "BundleId">;
/** Row of an item in the catalog, `0 <= row < catalog.size`. Typed arrays of rows are plain `Int32Array`. */
export type ItemRow = Brand<number, "ItemRow">;
/** Position in the event log: the number of events before it. Offsets are dense, the first event has offset 0. */
export type Offset = Brand<number, "Offset">;
