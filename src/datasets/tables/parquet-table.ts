/**
 * Parquet, read by DuckDB, which is loaded when the first Parquet file is opened and used for nothing else. Types are
 * brought to what the rows' parsers take in SQL: times to milliseconds, wide integers to text (exact), lists to lists.
 */
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { UpnextError } from "../../core/index.ts";
import { sniff } from "../text/bytes.ts";
import type { OpenTable, Table } from "./table.ts";

/** DuckDB may buffer this much; row groups are some 10 MB. */
const SETTINGS = { threads: "2", memory_limit: "512MB", autoinstall_known_extensions: "false" };

/** Not Parquet: whatever does not begin with "PAR1". Rejects with `unknown_format` where it does and is broken. */
export const openParquet: OpenTable = async (path) => {
  const found = await sniff(path);
  if (found.kind !== "file" || found.head.toString("latin1", 0, 4) !== "PAR1") return null;
  return connected(path, async (connection) => {
    const about = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${scan(path)}`);
    const types = new Map(about.getRows().map((row) => [String(row[0]), String(row[1])]));
    const counted = await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${scan(path)}`);
    return parquetTable(path, types, Number(counted.getRows()[0]?.[0]), found.size);
  });
};

function parquetTable(path: string, types: ReadonlyMap<string, string>, rows: number, size: number): Table {
  return {
    path,
    about: `Parquet, ${types.size} columns, ${rows} rows`,
    columns: [...types.keys()],
    timeUnit: (column) => (isTime(types.get(column) ?? "") ? "ms" : undefined),
    async *read(wanted, sink) {
      const { instance, connection } = await connect();
      try {
        const selected = wanted.map((column) => expression(column, types.get(column) ?? ""));
        const result = await connection.stream(`SELECT ${selected.join(", ")} FROM ${scan(path)}`);
        const cells: unknown[] = wanted.map(() => undefined);
        let row = 0;
        for (;;) {
          const chunk = await result.fetchChunk();
          if (chunk === null || chunk.rowCount === 0) break;
          const columns = chunk.getColumns();
          for (let r = 0; r < chunk.rowCount; r++) {
            for (let c = 0; c < cells.length; c++) cells[c] = plain(columns[c]?.[r]);
            sink.row(cells, ++row);
          }
          yield rows > 0 ? Math.floor((size * row) / rows) : size;
        }
      } catch (error) {
        throw broken(path, error);
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
    },
  };
}

function isTime(type: string): boolean {
  return type.startsWith("TIMESTAMP") || type === "DATE";
}

function expression(column: string, type: string): string {
  const name = `"${column.replaceAll('"', '""')}"`;
  if (isTime(type)) return `epoch_ms(${name})::DOUBLE`;
  if (type.endsWith("[]")) return `${name}::VARCHAR[]`;
  if (/^(U?(TINYINT|SMALLINT)|INTEGER|DOUBLE|BOOLEAN|VARCHAR)$/.test(type)) return name;
  return type === "FLOAT" || type.startsWith("DECIMAL") ? `${name}::DOUBLE` : `${name}::VARCHAR`;
}

/** A list value of DuckDB has its elements in `items`. */
function plain(cell: unknown): unknown {
  if (typeof cell !== "object" || cell === null) return cell;
  return "items" in cell ? cell.items : undefined;
}

function scan(path: string): string {
  return `read_parquet('${path.replaceAll("'", "''")}')`;
}

async function connect(): Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", SETTINGS);
  return { instance, connection: await instance.connect() };
}

async function connected<T>(path: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const { instance, connection } = await connect();
  try {
    return await work(connection);
  } catch (error) {
    throw broken(path, error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function broken(path: string, error: unknown): UpnextError {
  if (error instanceof UpnextError) return error;
  const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return new UpnextError("unknown_format", `${path}: begins like Parquet but cannot be read: ${why}`, {
    cause: error,
  });
}
