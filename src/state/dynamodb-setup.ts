/** Makes the table of the DynamoDB store, for `upnext state setup`: a store itself never makes one. */

import { setTimeout } from "node:timers/promises";
import type { DynamoDB, TableDescription } from "@aws-sdk/client-dynamodb";
import { dynamoDbClient, foreign, isNamed, tableOf, unavailable } from "./dynamodb-client.ts";
import type { DynamoDbPlace } from "./state-place.ts";

/** Set by rows where `limits.maxAge` is; in seconds. */
const EXPIRES = "expires";
const FIRST_POLL_MS = 20;
const MAX_POLL_MS = 1_000;
/** Guess: tables are made within some ten seconds. */
const ACTIVE_MS = 120_000;

export interface DynamoDbSetup {
  readonly table: string;
  /** False where it was there already. */
  readonly made: boolean;
  /** Whether the table deletes expired rows by itself. Where not, the store does when it sees them. */
  readonly expires: boolean;
}

/**
 * Makes the table, paid by request, with expiry by the attribute `expires` where the server knows that, and waits until
 * it can be used. May be run again. Rejects with `store_unavailable`.
 */
export async function setupDynamoDb(place: DynamoDbPlace): Promise<DynamoDbSetup> {
  const table = tableOf(place);
  const client = await dynamoDbClient(place);
  try {
    const made = await makeTable(client, table);
    await untilActive(client, table);
    return { table, made, expires: await switchExpiryOn(client, table) };
  } catch (error) {
    throw unavailable(table, "setup", error);
  } finally {
    client.destroy();
  }
}

async function makeTable(client: DynamoDB, table: string): Promise<boolean> {
  try {
    await client.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "u", KeyType: "HASH" },
        { AttributeName: "k", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "u", AttributeType: "B" },
        { AttributeName: "k", AttributeType: "B" },
      ],
    });
    return true;
  } catch (error) {
    if (isNamed(error, "ResourceInUseException")) return false;
    throw error;
  }
}

/** The table may not be found for a moment after it was made. */
async function untilActive(client: DynamoDB, table: string): Promise<void> {
  let waited = 0;
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(2 * wait, MAX_POLL_MS)) {
    const found = await described(client, table);
    if (found !== undefined && !isOurs(found)) throw foreign(table, "it is the table of another program");
    if (found?.TableStatus === "ACTIVE") return;
    if (waited >= ACTIVE_MS)
      throw new Error(`the table is ${found?.TableStatus ?? "missing"} after ${waited} ms`);
    await setTimeout(wait);
    waited += wait;
  }
}

async function described(client: DynamoDB, table: string): Promise<TableDescription | undefined> {
  try {
    return (await client.describeTable({ TableName: table })).Table;
  } catch (error) {
    if (isNamed(error, "ResourceNotFoundException")) return undefined;
    throw error;
  }
}

function isOurs({ KeySchema, AttributeDefinitions }: TableDescription): boolean {
  const keys = KeySchema?.map((key) => `${key.AttributeName} ${key.KeyType}`).join();
  const types = AttributeDefinitions?.map((one) => `${one.AttributeName} ${one.AttributeType}`);
  return keys === "u HASH,k RANGE" && types?.includes("u B") === true && types.includes("k B");
}

/** False where the server has no expiry. */
async function switchExpiryOn(client: DynamoDB, table: string): Promise<boolean> {
  try {
    const { TimeToLiveDescription: now } = await client.describeTimeToLive({ TableName: table });
    if (now?.TimeToLiveStatus === "ENABLED" || now?.TimeToLiveStatus === "ENABLING") {
      if (now.AttributeName === EXPIRES) return true;
      throw foreign(table, `its rows expire by the attribute ${now.AttributeName} and not by ${EXPIRES}`);
    }
    const TimeToLiveSpecification = { AttributeName: EXPIRES, Enabled: true };
    await client.updateTimeToLive({ TableName: table, TimeToLiveSpecification });
    return true;
  } catch (error) {
    if (isNamed(error, "UnknownOperationException")) return false;
    throw error;
  }
}
