/**
 * Tables of which a step uses some rows: an embedding of all items, of which a batch has a few thousand.
 *
 * The gradient is taken with respect to those rows instead of the table, so that it is as large as they are, and the
 * optimizer reads and replaces them alone.
 */
import { UpnextError } from "../core/index.ts";
import { printShape } from "./dims.ts";
import { type Parameter, shapeError, type Tensor } from "./graph.ts";
import type { Feeds, Value } from "./session.ts";
import type { RowsByIds, Target } from "./slots.ts";

export interface SampledRows {
  /** A parameter (V, ...), which the graph reads by `rows` alone. */
  readonly table: Tensor;
  /** A graph input, int32 or int64 (U): the rows that a step uses, each once, 0 <= id < V. */
  readonly ids: Tensor;
  /** gather(table, ids): (U, ...). */
  readonly rows: Tensor;
}

/** What a step changes: the rows of the sampled tables, all of the other parameters. */
export function targetsOf(parameters: readonly Parameter[], sampled: readonly SampledRows[]): Target[] {
  for (const entry of sampled) checkSampled(entry);
  return parameters.map((parameter) => {
    const entry = sampled.find(({ table }) => table.name === parameter.tensor.name);
    return { parameter, value: entry?.rows ?? parameter.tensor, ids: entry?.ids };
  });
}

function checkSampled({ table, ids, rows }: SampledRows): void {
  const { graph } = table;
  if (!graph.parameters.some(({ tensor }) => tensor === table)) {
    throw shapeError("sampledRows", "a parameter as table", `"${table.name}"`);
  }
  if (!graph.inputs.includes(ids) || ids.shape.length !== 1) {
    throw shapeError("sampledRows", "a graph input of shape [U] as ids", describeIds(ids));
  }
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(table.name));
  const gathers = readers.every(
    ({ op, inputs, outputs }) => op === "Gather" && inputs[1] === ids.name && outputs[0] === rows.name,
  );
  if (readers.length !== 1 || !gathers) {
    throw shapeError(
      "sampledRows",
      `"${table.name}" to be read once, by gather(table, ids)`,
      `${readers.length} readers: ${readers.map(({ op }) => op).join(", ")}`,
    );
  }
}

function describeIds({ name, shape }: Tensor): string {
  return `"${name}" ${printShape(shape)}`;
}

/**
 * Reads which rows the feeds of a step use. Throws `internal` where one comes twice (one of its updates would be lost)
 * or is not in the table.
 */
export function rowReader(targets: readonly Target[]): (feeds: Feeds) => RowsByIds {
  const counts = new Map<string, number>();
  for (const { ids, parameter } of targets) {
    if (ids) counts.set(ids.name, Math.min(counts.get(ids.name) ?? Infinity, parameter.shape[0]!));
  }
  // For each row the call that saw it last: nothing is cleared from step to step.
  const inputs = [...counts].map(([name, count]) => ({ name, seen: new Uint32Array(count) }));
  let call = 0;
  return (feeds) => {
    call++;
    return new Map(inputs.map(({ name, seen }) => [name, readRows(name, feeds[name]!, seen, call)]));
  };
}

function readRows(name: string, { data }: Value, seen: Uint32Array, call: number): Int32Array {
  const rows = new Int32Array(data.length);
  for (let i = 0; i < rows.length; i++) {
    const row = Number(data[i]);
    const inTable = row >= 0 && row < seen.length;
    if (!inTable || seen[row] === call) {
      throw new UpnextError(
        "internal",
        `tensor: feed "${name}": expected rows of 0 .. ${seen.length - 1}, each once, came ${row}${inTable ? " twice" : ""}`,
      );
    }
    seen[row] = call;
    rows[i] = row;
  }
  return rows;
}
