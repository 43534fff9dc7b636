/**
 * Impressions as bytes. Most of a log's bytes are slates: packed, they are a quarter of what they are as JSON, and are
 * read three to five times as fast.
 *
 * kind u8, flags u8, size u32 (of all that follows), time f64, texts: id, user, request
 * slots: count; texts: items; columns: positions, scores, propensities (number-column.ts)
 * [model], [rung], [surface and device, an empty one for none]: names, which are texts that come again and again
 * [sources]: count, names; count, lists (count, numbers of names); for each slot 0 for none or 1 + the number of a list
 * [context]: offset as a column of one; fingerprint, a name; [request, a text of JSON]
 *
 * Counts are varints. What is in brackets is there where its flag is set.
 */
import type { BundleId, EpochMs, EventId, ItemId, Offset, RequestId, UserId } from "../core/index.ts";
import type { ByteReader } from "./byte-reader.ts";
import { type ByteWriter, VARINT_BYTES } from "./byte-writer.ts";
import type { Impression, ImpressionContext, Slot } from "./event.ts";
import { NameCache } from "./name-cache.ts";
import { NumberColumn } from "./number-column.ts";

export const IMPRESSION = 1;

const ASCII_IDS = 1;
const ASCII_ITEMS = 2;
const HAS_MODEL = 4;
const HAS_RUNG = 8;
const HAS_SOURCES = 16;
const HAS_CONTEXT = 32;
const HAS_REQUEST = 64;
const HAS_PLACE = 128;

/** Kind, flags, size, time and the number of slots. */
const FIXED_BYTES = 2 + 4 + 8 + VARINT_BYTES;
/** A list of sources is looked for among the first so many lists, which bounds what a strange slate costs. Guess. */
const LISTS_COMPARED = 32;

interface Columns {
  readonly position: NumberColumn;
  readonly score: NumberColumn;
  readonly propensity: NumberColumn;
}

const makeColumns = (): Columns => ({
  position: new NumberColumn(),
  score: new NumberColumn(),
  propensity: new NumberColumn(),
});

export class ImpressionWriter {
  private readonly columns = makeColumns();
  /** What is gathered of the impression being written. */
  private readonly items: string[] = [];
  private readonly names = new Map<string, number>();
  private readonly lists: (readonly string[])[] = [];
  private listOfSlot = new Uint32Array(64);

  /** Returns where in `out.bytes` the id lies: `[start, end)`. */
  write(out: ByteWriter, event: Impression): readonly [number, number] {
    const { slots, model, rung, surface, device, context } = event;
    out.ensure(FIXED_BYTES);
    const start = out.at;
    out.byte(IMPRESSION);
    out.at += 1 + 4;
    out.float64(event.time);
    let flags = out.texts([event.id, event.user, event.request]) ? ASCII_IDS : 0;
    const id = [out.textStart, out.firstEnd] as const;
    this.gather(slots);
    out.ensure(VARINT_BYTES);
    out.varint(slots.length);
    if (out.texts(this.items)) flags |= ASCII_ITEMS;
    this.columns.position.write(out);
    this.columns.score.write(out);
    this.columns.propensity.write(out);
    if (model !== undefined) {
      flags |= HAS_MODEL;
      out.text(model);
    }
    if (rung !== undefined) {
      flags |= HAS_RUNG;
      out.text(rung);
    }
    if (surface !== undefined || device !== undefined) {
      flags |= HAS_PLACE;
      out.text(surface ?? "");
      out.text(device ?? "");
    }
    if (this.lists.length > 0) {
      flags |= HAS_SOURCES;
      this.sources(out, slots.length);
    }
    if (context !== undefined) flags |= HAS_CONTEXT | this.context(out, context);
    out.bytes[start + 1] = flags;
    out.uint32At(start + 2, out.at - (start + 6));
    return id;
  }

  private gather(slots: readonly Slot[]): void {
    const { position, score, propensity } = this.columns;
    const count = slots.length;
    position.reset(count);
    score.reset(count);
    propensity.reset(count);
    this.items.length = count;
    this.names.clear();
    this.lists.length = 0;
    if (count > this.listOfSlot.length) this.listOfSlot = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      this.items[i] = slot.item;
      position.set(i, slot.position);
      score.set(i, slot.score);
      propensity.set(i, slot.propensity);
      this.listOfSlot[i] = slot.sources === undefined ? 0 : 1 + this.listNumber(slot.sources);
    }
  }

  /** The number of an equal list, which is this one where none was found. */
  private listNumber(sources: readonly string[]): number {
    const { lists, names } = this;
    const compared = Math.min(lists.length, LISTS_COMPARED);
    for (let n = 0; n < compared; n++) if (areEqual(lists[n]!, sources)) return n;
    for (const name of sources) if (!names.has(name)) names.set(name, names.size);
    return lists.push(sources) - 1;
  }

  private sources(out: ByteWriter, slots: number): void {
    const { lists, names } = this;
    out.ensure(VARINT_BYTES);
    out.varint(names.size);
    for (const name of names.keys()) out.text(name);
    let parts = 1 + slots;
    for (const list of lists) parts += 1 + list.length;
    out.ensure(parts * VARINT_BYTES);
    out.varint(lists.length);
    for (const list of lists) {
      out.varint(list.length);
      for (const name of list) out.varint(names.get(name)!);
    }
    for (let i = 0; i < slots; i++) out.varint(this.listOfSlot[i]!);
  }

  /** Returns the flag HAS_REQUEST where there is one: `undefined`, and what is not JSON at all, counts as absent. */
  private context(out: ByteWriter, context: ImpressionContext): number {
    const { score: column } = this.columns;
    column.reset(1);
    column.set(0, context.offset);
    column.write(out);
    out.text(context.fingerprint);
    const request = JSON.stringify(context.request) as string | undefined;
    if (request === undefined) return 0;
    out.text(request);
    return HAS_REQUEST;
  }
}

export class ImpressionReader {
  private readonly columns = makeColumns();
  private readonly names = new NameCache();

  /** Reads the record at `from.at`. Throws where it is nonsense. */
  read(from: ByteReader): Impression {
    from.at++;
    const flags = from.byte();
    const size = from.uint32();
    const end = from.at + size;
    if (end > from.bytes.length) throw new RangeError("an impression goes past the end of its bytes");
    const time = from.float64() as EpochMs;
    const [id, user, request] = from.texts(3, (flags & ASCII_IDS) !== 0, end);
    const count = from.count(end);
    const items = from.texts(count, (flags & ASCII_ITEMS) !== 0, end);
    const { position, score, propensity } = this.columns;
    position.read(from, count);
    score.read(from, count);
    propensity.read(from, count);
    if (!position.isFull) throw new RangeError("a slot without a position");
    const model = flags & HAS_MODEL ? this.names.read(from, end) : undefined;
    const rung = flags & HAS_RUNG ? this.names.read(from, end) : undefined;
    const surface = flags & HAS_PLACE ? this.names.read(from, end) : "";
    const device = flags & HAS_PLACE ? this.names.read(from, end) : "";
    const lists = flags & HAS_SOURCES ? this.lists(from, end) : undefined;
    const slots = this.slots(from, items, lists);
    const event: { -readonly [K in keyof Impression]: Impression[K] } = {
      kind: "impression",
      id: id as EventId,
      time,
      user: user as UserId,
      request: request as RequestId,
      slots,
    };
    if (model !== undefined) event.model = model as BundleId;
    if (rung !== undefined) event.rung = rung;
    if (surface !== "") event.surface = surface;
    if (device !== "") event.device = device;
    if (flags & HAS_CONTEXT) event.context = this.context(from, (flags & HAS_REQUEST) !== 0, end);
    if (from.at !== end) throw new RangeError("an impression does not fill its record");
    return event;
  }

  /** Slots with the same sources share one list. */
  private lists(from: ByteReader, end: number): readonly (readonly string[])[] {
    const names = new Array<string>(from.count(end));
    for (let i = 0; i < names.length; i++) names[i] = this.names.read(from, end);
    const lists = new Array<string[]>(from.count(end));
    for (let n = 0; n < lists.length; n++) {
      const list = new Array<string>(from.count(end));
      for (let i = 0; i < list.length; i++) list[i] = entry(names, from.varint());
      lists[n] = list;
    }
    return lists;
  }

  private slots(
    from: ByteReader,
    items: readonly string[],
    lists: readonly (readonly string[])[] | undefined,
  ): Slot[] {
    const { position: positions, score: scores, propensity: propensities } = this.columns;
    const slots = new Array<Slot>(items.length);
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as ItemId;
      const position = positions.values[i]!;
      const list = lists === undefined ? 0 : from.varint();
      const sources = list === 0 ? undefined : entry(lists!, list - 1);
      // The common forms as one literal each: an object that grows takes twice the time and memory.
      if (sources !== undefined && propensities.has(i)) {
        const propensity = propensities.values[i]!;
        slots[i] = scores.has(i)
          ? { item, position, score: scores.values[i]!, propensity, sources }
          : { item, position, propensity, sources };
        continue;
      }
      const slot: { -readonly [K in keyof Slot]: Slot[K] } = { item, position };
      if (scores.has(i)) slot.score = scores.values[i]!;
      if (propensities.has(i)) slot.propensity = propensities.values[i]!;
      if (sources !== undefined) slot.sources = sources;
      slots[i] = slot;
    }
    return slots;
  }

  private context(from: ByteReader, hasRequest: boolean, end: number): ImpressionContext {
    const { score: column } = this.columns;
    column.read(from, 1);
    const offset = column.values[0] as Offset;
    const fingerprint = this.names.read(from, end);
    const request: unknown = hasRequest ? JSON.parse(from.text(end)) : undefined;
    return hasRequest ? { offset, request, fingerprint } : ({ offset, fingerprint } as ImpressionContext);
  }
}

/** Moves past the record at `from.at`. Returns where its id begins and ends, and where the user, who follows, ends. */
export function skipImpression(from: ByteReader): readonly [number, number, number] {
  from.at += 2;
  const size = from.uint32();
  const end = from.at + size;
  from.at += 8;
  const idLength = from.varint();
  const userLength = from.varint();
  from.varint();
  const start = from.at;
  from.at = end;
  return [start, start + idLength, start + idLength + userLength];
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function entry<T>(table: readonly T[], index: number): T {
  const found = table[index];
  if (found === undefined) throw new RangeError(`no entry ${index} in a table of ${table.length}`);
  return found;
}
