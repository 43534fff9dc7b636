/**
 * Which column of a table holds what: given as `user=uid,item=video,…`, or guessed from the names that public data
 * sets and common schemas use.
 */
import { UpnextError } from "../../core/index.ts";

/** Fields of an interaction. */
export const EVENT_FIELDS = ["user", "item", "time", "type", "value"] as const;
export type EventField = (typeof EVENT_FIELDS)[number];
/** Column name by field. */
export type ColumnMapping = Readonly<Partial<Record<EventField, string>>>;

/** Fields of an items file. */
export const ITEM_FIELDS = ["id", "title", "creator", "categories", "duration", "publishedAt"] as const;
export type ItemField = (typeof ITEM_FIELDS)[number];
export type ItemColumnMapping = Readonly<Partial<Record<ItemField, string>>>;

/** Names without case and punctuation, best first. */
const EVENT_NAMES: Readonly<Record<EventField, readonly string[]>> = {
  user: words(
    "user userid uid usr customer customerid member memberid visitor visitorid reviewerid profileid u",
  ),
  item: words(
    "item itemid iid movie movieid video videoid product productid asin parentasin article articleid track trackid " +
      "song songid book bookid content contentid post postid news newsid sku i",
  ),
  time: words(
    "time timestamp ts timems timestampms datetime date eventtime eventtimestamp createdat occurredat unixtime " +
      "unixreviewtime t",
  ),
  type: words("type eventtype event action interaction interactiontype behavior behaviour"),
  value: words("value rating score stars overall watchratio completion progress amount price"),
};

const ITEM_NAMES: Readonly<Record<ItemField, readonly string[]>> = {
  id: [...EVENT_NAMES.item.slice(0, -1), "id"],
  title: words("title name itemtitle movietitle videotitle productname headline caption"),
  creator: words(
    "creator creatorid author authorid channel channelid artist artistid brand publisher uploader",
  ),
  categories: words("categories category genres genre tags tag topics topic"),
  duration: words("duration durations durationms durationseconds videoduration length runtime"),
  publishedAt: words("publishedat published publishtime releasedate uploaddate uploaddt createdat date"),
};

function words(text: string): readonly string[] {
  return text.split(" ");
}

/** Parses `user=uid,item=video,time=ts`. Throws `invalid_columns`. */
export function parseColumns(text: string): ColumnMapping {
  return parseMapping(text, EVENT_FIELDS);
}

/** Parses `id=video,title=name`. Throws `invalid_columns`. */
export function parseItemColumns(text: string): ItemColumnMapping {
  return parseMapping(text, ITEM_FIELDS);
}

function parseMapping<F extends string>(
  text: string,
  fields: readonly F[],
): Readonly<Partial<Record<F, string>>> {
  const mapping: Partial<Record<F, string>> = {};
  const form = `Expected a list such as ${fields
    .slice(0, 3)
    .map((f) => `${f}=COLUMN`)
    .join(",")}; fields: ${fields.join(", ")}.`;
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    const column = part.slice(equals + 1).trim();
    const field = fields.find((f) => f === name);
    if (equals < 0 || column === "") throw invalid(`"${part.trim()}" is not FIELD=COLUMN. ${form}`);
    if (field === undefined) throw invalid(`"${name}" is not a field. ${form}`);
    if (mapping[field] !== undefined) throw invalid(`"${field}" is given twice. ${form}`);
    mapping[field] = column;
  }
  return mapping;
}

function invalid(message: string): UpnextError {
  return new UpnextError("invalid_columns", `column mapping: ${message}`);
}

/**
 * The column of each field of an interaction. What is mapped must exist. User, item and time are guessed where they
 * are not mapped; type and value only where nothing is mapped at all, so that a mapping can leave them out.
 * Throws `invalid_columns` where user, item or time is missing; null where nothing is mapped and none is found.
 */
export function resolveColumns(
  where: string,
  columns: readonly string[],
  given: ColumnMapping | undefined,
): ColumnMapping | null {
  const found = resolve(
    where,
    columns,
    given,
    EVENT_FIELDS,
    EVENT_NAMES,
    given ? ["user", "item", "time"] : EVENT_FIELDS,
  );
  const missing = (["user", "item", "time"] as const).filter((field) => found[field] === undefined);
  if (missing.length === 3 && given === undefined) return null;
  if (missing.length > 0) {
    throw new UpnextError(
      "invalid_columns",
      `${where}: no column for ${missing.join(" and ")}; there are ${listed(columns)}. ` +
        `Map them: --columns ${missing.map((field) => `${field}=COLUMN`).join(",")}`,
    );
  }
  return found;
}

/** The same for an items file; only the id is required. Throws `invalid_columns`. */
export function resolveItemColumns(
  where: string,
  columns: readonly string[],
  given: ItemColumnMapping | undefined,
): ItemColumnMapping & { readonly id: string } {
  const found = resolve(where, columns, given, ITEM_FIELDS, ITEM_NAMES, ITEM_FIELDS);
  if (found.id !== undefined) return { ...found, id: found.id };
  throw new UpnextError(
    "invalid_columns",
    `${where}: no column for the item's id; there are ${listed(columns)}. Map it: --item-columns id=COLUMN`,
  );
}

function resolve<F extends string>(
  where: string,
  columns: readonly string[],
  given: Readonly<Partial<Record<F, string>>> | undefined,
  fields: readonly F[],
  names: Readonly<Record<F, readonly string[]>>,
  guessed: readonly F[],
): Partial<Record<F, string>> {
  const found: Partial<Record<F, string>> = {};
  for (const field of fields) {
    const column = given?.[field];
    if (column === undefined) continue;
    if (!columns.includes(column)) {
      throw new UpnextError(
        "invalid_columns",
        `${where}: ${field}=${column} names a column that is not there; there are ${listed(columns)}.`,
      );
    }
    found[field] = column;
  }
  const plain = columns.map((column) => column.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, ""));
  for (const field of guessed) {
    if (found[field] !== undefined) continue;
    const name = names[field].find((candidate) => plain.includes(candidate));
    const column = name === undefined ? undefined : columns[plain.indexOf(name)];
    if (column !== undefined && !Object.values(found).includes(column)) found[field] = column;
  }
  return found;
}

function listed(columns: readonly string[]): string {
  const first = columns.slice(0, 20).map((column) => JSON.stringify(column.slice(0, 60)));
  return columns.length > 20 ? `${first.join(", ")} and ${columns.length - 20} more` : first.join(", ");
}
