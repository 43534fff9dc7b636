/** A user's state for people, and as JSON. */
import type { Touch, UserState } from "../state/index.ts";
import { count } from "./amounts.ts";
import { textTable } from "./text-table.ts";

export function stateText({ user, touches, vetoes, erasedAt }: UserState): string {
  const of = (list: readonly Touch[], one: string, many: string) =>
    `${count(list.length)} ${list.length === 1 ? one : many}`;
  const lines = [`${user}: ${of(touches, "touch", "touches")}, ${of(vetoes, "veto", "vetoes")}`];
  if (erasedAt > -Infinity) lines.push(`forgotten: everything until ${new Date(erasedAt).toISOString()}`);
  for (const list of [touches, vetoes]) {
    if (list.length > 0) lines.push("", tableOf(list));
  }
  return lines.join("\n");
}

export function stateJson({ user, touches, vetoes, erasedAt }: UserState): string {
  const rows = (list: readonly Touch[]) =>
    list.map(({ value, ...touch }) => (Number.isNaN(value) ? touch : { ...touch, value }));
  const state = {
    user,
    touches: rows(touches),
    vetoes: rows(vetoes),
    erasedAt: erasedAt > -Infinity ? erasedAt : null,
  };
  return JSON.stringify(state, null, 2);
}

function tableOf(list: readonly Touch[]): string {
  const columns = [
    { title: "time" },
    { title: "type" },
    { title: "item", max: 60 },
    { title: "value", right: true },
    { title: "surface" },
    { title: "event", max: 60 },
  ];
  return textTable(
    columns,
    list.map(({ time, type, item, value, surface = "", id }) => [
      new Date(time).toISOString(),
      type,
      item,
      Number.isNaN(value) ? "" : String(value),
      surface,
      id,
    ]),
  );
}
