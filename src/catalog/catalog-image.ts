/**
 * The catalog as bytes: what it is at one moment, to be written out and to start from again.
 *
 * An image is a list of chunks, each a section's byte and then some of the section; sections come in their order, a
 * large one in several chunks. Columns are the bytes of their typed arrays, facts are JSON and are read when they are
 * asked for. The columns and lists that change are copied when the image is made (one memory copy); what is left to do
 * is done when a chunk is taken, so that whoever writes them can let others work in between. Chunks carry no checksum:
 * the file around them does. Byte order is the machine's; the file says which.
 */
import type { ItemId, Offset, UserId } from "../core/index.ts";
import type { UserFacts } from "../events/index.ts";
import { type CatalogImage, HALF_LIVES_DAYS, RATE_HALF_LIVES_DAYS } from "./catalog.ts";
import type { CopiedLists } from "./category-lists.ts";
import type { NumberColumn } from "./columns.ts";
import { ItemCounters } from "./item-counters.ts";
import { type CopiedItems, ItemTable } from "./item-table.ts";
import { PackedTexts, textPieces, textsOf } from "./packed-texts.ts";
import { TALLIES } from "./tallies.ts";
import { UserTable } from "./user-table.ts";

/** Of what is in the chunks. A form of another version is refused. */
const FORM = 2;
const SECTIONS = [
  "head",
  "columns",
  "categories",
  "categoryNames",
  "creatorNames",
  "ids",
  "facts",
  "users",
  "erasures",
] as const;
type Section = (typeof SECTIONS)[number];

const HALF_LIVES = [...HALF_LIVES_DAYS, ...RATE_HALF_LIVES_DAYS];

/** Bytes of a chunk of numbers, and entries of one of JSON: about a millisecond's work each. */
const CHUNK_BYTES = 1024 * 1024;
const CHUNK_ENTRIES = 2048;

/** What a catalog consists of. */
export interface CatalogParts {
  readonly table: ItemTable;
  readonly counters: ItemCounters;
  readonly users: UserTable;
  readonly applied: Offset;
  readonly erasedThrough: Offset;
}

/** What columns and lists do not say. */
interface Head {
  readonly form: number;
  readonly halfLives: readonly number[];
  readonly tallies: readonly string[];
  readonly applied: number;
  readonly erasedThrough: number;
  readonly size: number;
  /** Category codes of all items together. */
  readonly codes: number;
  readonly factsVersion: number;
  /** null where there was no interaction. */
  readonly newest: number | null;
}

type UserEntry = readonly [user: UserId, time: number, facts: UserFacts];

/** Copies what changes, at once; the chunks may be taken later. */
export function imageOf({ table, counters, users, applied, erasedThrough }: CatalogParts): CatalogImage {
  const items = table.copy();
  const facts = table.columns().map((column) => column.slice(0, items.size));
  const counted = counters.copy(items.size, CHUNK_BYTES / 8);
  const counts = table.categoryCounts.slice(0, items.size);
  const people = users.copy();
  const { newest } = counters;
  const head: Head = {
    form: FORM,
    halfLives: HALF_LIVES,
    tallies: TALLIES,
    applied,
    erasedThrough,
    size: items.size,
    codes: counts.reduce((sum, count) => sum + count, 0),
    factsVersion: items.factsVersion,
    newest: newest === -Infinity ? null : newest,
  };
  function* chunks(): Generator<Buffer> {
    yield json("head", head);
    for (const column of facts) yield* columnChunks(column);
    for (const piece of counted) yield* columnChunks(piece);
    yield* categoryChunks(items.lists, counts);
    yield* textChunks("categoryNames", items.categoryNames.length, (code) => items.categoryNames[code]!);
    yield* textChunks("creatorNames", items.creatorNames.length, (code) => items.creatorNames[code]!);
    yield* itemTexts(items);
    yield* jsonChunks("users", people.users.length, (u): UserEntry => {
      const { facts, time } = people.facts[u]!;
      return [people.users[u]!, time, facts];
    });
    yield* jsonChunks("erasures", people.erased.length, (u) => [people.erased[u], people.erasedAt[u]]);
  }
  return { offset: applied, chunks };
}

/**
 * Reads an image. Throws RangeError where the chunks are none: something is left out, comes twice, or does not fit to
 * the rest.
 */
export async function partsOf(chunks: AsyncIterable<Buffer>): Promise<CatalogParts> {
  const table = new ItemTable();
  const counters = new ItemCounters();
  const users = new UserTable();
  let head: Head | undefined;
  let counted: readonly NumberColumn[] = [];
  let columns: ColumnReader | undefined;
  let codes: ColumnReader | undefined;
  let categories = new Int32Array();
  const texts = { categoryNames: [] as string[], creatorNames: [] as string[], ids: [] as string[] };
  const facts = new PackedTexts();
  let place = 0;
  for await (const bytes of chunks) {
    const section = SECTIONS[bytes[0]!];
    if (section === undefined) throw new RangeError(`there is no section ${bytes[0]} of a catalog's image`);
    if (bytes[0]! < place) throw new RangeError(`section ${section} came late`);
    place = bytes[0]!;
    const body = bytes.subarray(1);
    if (section === "head") {
      if (head !== undefined) throw new RangeError("a catalog's image began twice");
      head = readHead(body);
      table.widen(head.size);
      counters.widen(table.capacity);
      const { size } = head;
      counted = counters.blank(size);
      columns = new ColumnReader([...table.columns().map((column) => column.subarray(0, size)), ...counted]);
      categories = new Int32Array(head.codes);
      codes = new ColumnReader([categories]);
    } else if (section === "columns") columns?.add(body);
    else if (section === "categories") codes?.add(body);
    else if (section === "facts") facts.add(body);
    else if (section === "users") {
      for (const [user, time, facts] of entriesOf<UserEntry>(body)) users.facts.set(user, { facts, time });
    } else if (section === "erasures") {
      for (const [user, time] of entriesOf<[UserId, number]>(body)) users.erasures.set(user, time);
    } else for (const text of textsOf(body)) texts[section].push(text);
  }
  if (head === undefined) throw new RangeError("a catalog's image has no head");
  columns!.end();
  codes!.end();
  if (texts.ids.length !== head.size) {
    throw new RangeError(`expected ${head.size} ids of items, got ${texts.ids.length}`);
  }
  const { factsVersion } = head;
  const { categoryNames, creatorNames } = texts;
  // They were ids when they were written.
  const ids = texts.ids as ItemId[];
  table.restore({ factsVersion, ids, facts, categories, categoryNames, creatorNames });
  counters.fill(counted);
  counters.sumUp(head.size, table);
  counters.newest = head.newest ?? -Infinity;
  return {
    table,
    counters,
    users,
    applied: head.applied as Offset,
    erasedThrough: head.erasedThrough as Offset,
  };
}

/**
 * The chunk without the facts that an erasure took: at or before the erasure of their user. Undefined where it has none
 * of them.
 */
export function forgetInImage(bytes: Buffer, erasures: ReadonlyMap<UserId, number>): Buffer | undefined {
  if (SECTIONS[bytes[0]!] !== "users") return undefined;
  const entries = entriesOf<UserEntry>(bytes.subarray(1));
  const kept = entries.filter(([user, time]) => time > (erasures.get(user) ?? -Infinity));
  return kept.length === entries.length ? undefined : json("users", kept);
}

function* columnChunks(column: NumberColumn): Generator<Buffer> {
  const bytes = bytesOf(column);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    yield chunk("columns", bytes.subarray(at, at + CHUNK_BYTES));
  }
}

function readHead(body: Buffer): Head {
  const head = parse(body) as Head;
  if (head.form !== FORM)
    throw new RangeError(`expected a catalog's image of form ${FORM}, got ${head.form}`);
  if (String(head.halfLives) !== String(HALF_LIVES)) {
    const expected = `counters with half-lives of ${HALF_LIVES.join(", ")} days`;
    throw new RangeError(`expected ${expected}, got ${head.halfLives}`);
  }
  if (String(head.tallies) !== String(TALLIES)) {
    throw new RangeError(`expected counts of ${TALLIES.join(", ")}, got ${head.tallies}`);
  }
  return head;
}

/** The lists one after the other, without what lies unused between them. */
function* categoryChunks({ offsets, codes }: CopiedLists, counts: Int32Array): Generator<Buffer> {
  let packed = new Int32Array(CHUNK_BYTES / 4);
  let used = 0;
  for (let row = 0; row < counts.length; row++) {
    const list = codes.subarray(offsets[row], offsets[row]! + counts[row]!);
    if (used > 0 && used + list.length > packed.length) {
      yield chunk("categories", bytesOf(packed.subarray(0, used)));
      used = 0;
    }
    if (list.length > packed.length) packed = new Int32Array(list.length);
    packed.set(list, used);
    used += list.length;
  }
  if (used > 0) yield chunk("categories", bytesOf(packed.subarray(0, used)));
}

function* itemTexts({ size, ids, factsText }: CopiedItems): Generator<Buffer> {
  yield* textChunks("ids", size, (row) => ids[row]!);
  yield* textChunks("facts", size, factsText);
}

function* textChunks(section: Section, count: number, text: (index: number) => string): Generator<Buffer> {
  for (const piece of textPieces(count, text)) yield chunk(section, piece);
}

function* jsonChunks(section: Section, count: number, entry: (index: number) => unknown): Generator<Buffer> {
  for (let i = 0; i < count; ) {
    const entries: string[] = [];
    for (let size = 0; i < count && entries.length < CHUNK_ENTRIES && size < CHUNK_BYTES; i++) {
      const text = JSON.stringify(entry(i));
      size += text.length;
      entries.push(text);
    }
    yield chunk(section, Buffer.from(`[${entries.join(",")}]`));
  }
}

function json(section: Section, value: unknown): Buffer {
  return chunk(section, Buffer.from(JSON.stringify(value)));
}

function chunk(section: Section, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + body.length);
  bytes[0] = SECTIONS.indexOf(section);
  bytes.set(body, 1);
  return bytes;
}

function entriesOf<Entry>(body: Buffer): readonly Entry[] {
  const entries = parse(body);
  if (!Array.isArray(entries)) throw new RangeError("expected a list of entries");
  return entries;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw new RangeError("expected JSON", { cause });
  }
}

function bytesOf(column: NumberColumn): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/** Fills columns one after the other with bytes that come in pieces of any size. */
class ColumnReader {
  private readonly columns: readonly Uint8Array[];
  private column = 0;
  private at = 0;

  constructor(columns: readonly NumberColumn[]) {
    this.columns = columns.map(bytesOf);
  }

  add(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const target = this.columns[this.column];
      if (target === undefined) throw new RangeError("the columns are longer than their items");
      const length = Math.min(bytes.length - from, target.length - this.at);
      target.set(bytes.subarray(from, from + length), this.at);
      from += length;
      this.at += length;
      if (this.at === target.length) {
        this.column++;
        this.at = 0;
      }
    }
  }

  /** Throws RangeError where something is left to fill. */
  end(): void {
    const empty = this.columns.slice(this.column).every(({ length }) => length === 0);
    if (!empty) throw new RangeError("the columns are shorter than their items");
  }
}
