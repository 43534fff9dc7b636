/** The row of the DynamoDB store itself: of which form the table is, for which limits and log, and how far it has come. */
import { foreign, unavailable, unusable } from "./dynamodb-client.ts";
import { bytesOf, type Row, userOf } from "./dynamodb-rows.ts";
import type { DynamoDbTable } from "./dynamodb-table.ts";
import { type KeptFacts, problemOfFacts } from "./kept-facts.ts";
import type { StateLimits } from "./user-state.ts";

/** Before every user's key. */
const STORE_KEY: Row = { u: { B: Uint8Array.of(0) }, k: { B: Uint8Array.of(0) } };
/** Version of the layout of the whole table. */
const FORMAT = "upnext-state/1";
/** Two processes that open one new table at once need a second look. */
const LOOKS = 4;

export interface StoreRow {
  /** `KeptFacts` as JSON: one value, so that one condition sees that nobody has changed them meanwhile. */
  readonly facts: string;
  readonly applied: number;
}

export async function readStoreRow(table: DynamoDbTable): Promise<StoreRow | undefined> {
  const row = await table.get(STORE_KEY);
  if (row === undefined) return undefined;
  const applied = Number(row["applied"]?.N);
  if (row["facts"]?.S === undefined || !(applied >= 0)) {
    throw foreign(table.name, "it is the table of another program");
  }
  return { facts: row["facts"].S, applied };
}

/**
 * Sees to it that the table is of this version and this log, and that it was never filled with lower limits than those
 * wanted now: what they cut off is missing from it. Makes the row in a new table, and remembers lower limits and the
 * first log. Resolves with `applied`.
 */
export async function checkStoreRow(
  table: DynamoDbTable,
  limits: StateLimits,
  log: string | undefined,
): Promise<number> {
  for (let look = 0; look < LOOKS; look++) {
    const row = await readStoreRow(table);
    if (row === undefined) {
      if (await makeStoreRow(table, factsOf(limits, log))) return 0;
      continue;
    }
    const known = parsed(table, row.facts);
    const problem = problemOfFacts(known, { format: FORMAT, ...limits, log });
    if (problem !== undefined) throw unusable(table.name, problem);
    const facts = factsOf(limits, log ?? known.log);
    if (facts === row.facts) return row.applied;
    const values = { ":facts": { S: facts }, ":was": { S: row.facts } };
    if (await table.update(STORE_KEY, { text: "SET facts = :facts", values }, "facts = :was"))
      return row.applied;
  }
  throw unavailable(table.name, "opening", new Error("other processes keep changing the store's row"));
}

/** Sets `applied` to 0, also where the row is missing. The table belongs to `log` then, or to the next one. */
export async function renewStoreRow(
  table: DynamoDbTable,
  limits: StateLimits,
  log: string | undefined,
): Promise<void> {
  const values = { ":facts": { S: factsOf(limits, log) }, ":applied": { N: "0" } };
  await table.update(STORE_KEY, { text: "SET facts = :facts, applied = :applied", values });
}

/** False, and nothing is changed, where `applied` is not below `to`, and where it is below `from` or missing. */
export function moveApplied(table: DynamoDbTable, from: number, to: number): Promise<boolean> {
  const values = { ":from": { N: String(from) }, ":to": { N: String(to) } };
  const update = { text: "SET applied = :to", values };
  return table.update(STORE_KEY, update, "applied >= :from AND applied < :to");
}

/** False where somebody else was faster. */
async function makeStoreRow(table: DynamoDbTable, facts: string): Promise<boolean> {
  const row = { ...STORE_KEY, facts: { S: facts }, applied: { N: "0" } };
  const [first] = (await table.scan(undefined, 1)).rows;
  if (first !== undefined && userOf(bytesOf(first, "u")) !== undefined) {
    throw unusable(table.name, "it holds rows, and the one that tells whose they are is missing");
  }
  return table.put(row, { text: "attribute_not_exists(k)" });
}

function factsOf({ touches, vetoes, maxAge }: StateLimits, log: string | undefined): string {
  return JSON.stringify({ format: FORMAT, touches, vetoes, maxAge, log } satisfies Record<
    keyof KeptFacts,
    unknown
  >);
}

function parsed(table: DynamoDbTable, facts: string): KeptFacts {
  try {
    return JSON.parse(facts) as KeptFacts; // factsOf wrote it, or problemOfFacts finds another format
  } catch {
    throw foreign(table.name, "it is the table of another program");
  }
}
