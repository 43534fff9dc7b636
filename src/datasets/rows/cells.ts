/** What a cell of a table can mean: an id, a number, a text, a list of names. A cell is what CSV (strings), JSON or Parquet gave. */
import { EVENT_LIMITS, isValidId } from "../../events/index.ts";
import { own } from "../text/text-blocks.ts";

/** The id in a cell; undefined where there is none, and then `idProblem` says why. */
export function parseId(cell: unknown): string | undefined {
  if (typeof cell === "string") {
    const text = trimmed(cell);
    return fits(text) ? own(text) : undefined;
  }
  if (typeof cell === "number") return Number.isSafeInteger(cell) ? String(cell) : undefined;
  return typeof cell === "bigint" ? cell.toString() : undefined;
}

/** Why a cell is no id, to be put after the name of the column. */
export function idProblem(cell: unknown): string {
  if (cell === undefined || cell === null) return "is empty";
  if (typeof cell === "number" && Number.isInteger(cell)) {
    return "is a number beyond 2^53, which readers of JSON round; write it as a string";
  }
  if (typeof cell !== "string") return "is neither a text nor a whole number";
  const length = trimmed(cell).length;
  if (length === 0) return "is empty";
  if (length > EVENT_LIMITS.id) return `is longer than ${EVENT_LIMITS.id} characters`;
  return "holds a control character or half of a surrogate pair";
}

function trimmed(text: string): string {
  const length = text.length;
  return length > 0 && (text.charCodeAt(0) <= 32 || text.charCodeAt(length - 1) <= 32) ? text.trim() : text;
}

/** `isValidId`, with a loop for the common case of plain ASCII. */
function fits(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > EVENT_LIMITS.id) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code > 126) return isValidId(text);
  }
  return true;
}

/** How systems write "no value". */
const ABSENT = new Set(["", "null", "NULL", "None", "\\N"]);

/** Whether the cell holds nothing at all. */
export function isAbsent(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === "string" && ABSENT.has(cell.trim()));
}

/** The finite number in a cell, or NaN. */
export function parseNumber(cell: unknown): number {
  if (typeof cell === "boolean") return cell ? 1 : 0;
  if (typeof cell !== "number" && typeof cell !== "string" && typeof cell !== "bigint") return Number.NaN;
  if (typeof cell === "string" && cell.trim() === "") return Number.NaN;
  const number = Number(cell);
  return Number.isFinite(number) ? number : Number.NaN;
}

/** A text without outer blanks; undefined where there is none. */
export function parseText(cell: unknown): string | undefined {
  if (isAbsent(cell)) return undefined;
  if (typeof cell === "string") return own(cell.trim());
  return typeof cell === "number" || typeof cell === "boolean" || typeof cell === "bigint"
    ? String(cell)
    : undefined;
}

/** Names in a list, or in a text such as "Comedy|Drama", "a;b", "a, b" or a JSON list; each once, in order. */
export function parseNames(cell: unknown): string[] {
  if (Array.isArray(cell)) return unique(cell.map((name: unknown) => parseText(name) ?? ""));
  const text = parseText(cell);
  if (text === undefined) return [];
  if (text.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(text);
      if (Array.isArray(list)) return parseNames(list);
    } catch {
      // Not JSON after all: a name that begins with a bracket.
    }
  }
  const separator = ["|", ";", ","].find((candidate) => text.includes(candidate));
  return unique(separator === undefined ? [text] : text.split(separator).map((name) => own(name.trim())));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== "");
}

/** A cell in a message: numbers and short words; the texts of users stay out of it. */
export function shown(cell: unknown): string {
  if (cell === undefined || cell === null) return "nothing";
  const text = String(cell);
  return text.length <= 40 ? JSON.stringify(text) : `a text of ${text.length} characters`;
}
