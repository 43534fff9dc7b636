/** Tables of text in columns. */

export interface Column {
  readonly title: string;
  /** Numbers are read from the right. */
  readonly right?: boolean;
  /** Longer cells are cut to this many places. */
  readonly max?: number;
}

/** A heading and one line a row; every row has a cell for every column. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => columns.map(({ max }, c) => cut(printable(row[c] ?? ""), max)));
  const lines = [columns.map(({ title }) => title), ...cells];
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => width(line[c]!))));
  return lines
    .map((line) =>
      line
        .map((cell, c) => {
          const padding = " ".repeat(widths[c]! - width(cell));
          return columns[c]!.right ? padding + cell : cell + padding;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Titles come from outside: what could move the cursor or turn the line around is taken out. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ");
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const ZERO = /\p{Mn}|\p{Me}/u;

/** Places on a terminal, near enough: East Asian characters and emoji take two, combining marks none. */
function width(text: string): number {
  let places = 0;
  for (const character of text) places += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return places;
}

function cut(text: string, max = Infinity): string {
  if (width(text) <= max) return text;
  let kept = "";
  for (const character of text) {
    if (width(kept + character) > max - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}
